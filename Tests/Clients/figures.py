"""What a process costs, read from /proc: memory, processor time, sockets."""
import contextlib
import itertools
import os
import pathlib
import socket
import statistics
import time

from peers import SECONDS

KIB, MIB = 1 << 10, 1 << 20
# A sanitizer's allocator keeps what was freed for a while, so growth says nothing.
IS_SANITIZED = "CARILLON_SANITIZED" in os.environ


def until(condition, what: str, seconds: float = SECONDS):
    """Waits for what no event tells of, such as what another process has let go of."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return value


class Process:
    """A gateway seen from outside."""

    def __init__(self, server):
        self.pid = server.process.pid
        self.home = pathlib.Path("/proc", str(self.pid))

    def memory(self) -> int:
        """Bytes of memory of its own that are in use (PSS), without its files, which others may map and unmap."""
        for line in (self.home / "smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Pss_Anon":
                return int(value.split()[0]) * KIB
        raise AssertionError("no Pss_Anon in smaps_rollup")

    def processor_seconds(self) -> float:
        """User and system time of all its threads so far, to a hundredth."""
        fields = (self.home / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self) -> int:
        count = 0
        for one in (self.home / "fd").iterdir():
            # One that is closed meanwhile is none.
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(one).startswith("socket:")
        return count

    def descriptors(self) -> int:
        return len(list((self.home / "fd").iterdir()))

    def threads(self) -> dict[str, int]:
        """Its threads' ids by name."""
        return {(one / "comm").read_text().strip(): int(one.name) for one in (self.home / "task").iterdir()}


def unread(connection: socket.socket) -> int:
    """Bytes that a server of this machine, on IPv4, has not read yet from a connection to it."""
    def place(address: tuple) -> str:
        return f"{int.from_bytes(socket.inet_aton(address[0]), 'little'):08X}:{address[1]:04X}"

    wanted = [place(connection.getpeername()), place(connection.getsockname())]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == wanted:
            return int(fields[4].partition(":")[2], 16)
    raise AssertionError("no such connection")


def in_mib(count: int) -> str:
    return f"{count / MIB:.1f} MiB"


def percentiles(seconds: list[float]) -> str:
    parts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{parts[49] * 1000:.1f} ms (p50), {parts[98] * 1000:.1f} ms (p99)"


def repeated(process: Process, act, times: int, clients: int, slack: int = 32 * KIB) -> str:
    """Does the same thing again and again, and finds that memory comes back.

    A leak is paid each time, while the allocator takes something more only until it has had enough for the most that
    happens to be asked of it at once. So the first third does not count, and of the growth from each time to the next a
    quarter must be nothing: 100 bytes a client, less than any object of theirs, or `slack`.

    The process must be at rest when `act` returns. `clients`: how many there are each time.
    """
    before, after = process.memory(), []
    for _ in range(times):
        act()
        after.append(process.memory())
    steps = [later - earlier for earlier, later in itertools.pairwise(after[max(1, times // 3):])]
    growth = statistics.quantiles(steps, n=4, method="inclusive")[0]
    text = f"memory {in_mib(before)}, then " + ", ".join(f"{one / MIB:.1f}" for one in after)
    assert IS_SANITIZED or growth <= max(slack, clients * 100), f"{text}: {growth:.0f} bytes more each time"
    return text
