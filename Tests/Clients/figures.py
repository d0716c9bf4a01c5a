"""What a process costs, read from /proc: memory, processor time, sockets."""
import contextlib
import os
import pathlib
import time

from peers import SECONDS

KIB, MIB = 1 << 10, 1 << 20


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
        """Bytes of its own: what it shares with others, such as its code, is counted in part (PSS)."""
        for line in (self.home / "smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Pss":
                return int(value.split()[0]) * KIB
        raise AssertionError("no Pss in smaps_rollup")

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


def in_mib(count: int) -> str:
    return f"{count / MIB:.1f} MiB"


def repeated(process: Process, act, times: int, clients: int, slack: int = MIB // 4) -> str:
    """Does the same thing again and again, and finds that memory comes back.

    The first third fills the allocator's and the gateway's own stores, which are kept. Then what is left in use goes up
    and down by what the allocator happens to give back, but its least in the last third must not be above its least in
    the second. The process must be at rest when `act` returns.

    `clients`: how many there are each time: 100 bytes for each, less than any object of theirs, are called a leak.
    `slack`: growth that is none yet, bytes: pages that the allocator has not given back.
    """
    before, after = process.memory(), []
    for _ in range(times):
        act()
        after.append(process.memory())
    part = (times - times // 3) // 2
    growth = min(after[-part:]) - min(after[-2 * part:-part])
    text = f"memory {in_mib(before)}, then " + ", ".join(f"{one / MIB:.1f}" for one in after)
    assert growth <= max(slack, part * clients * 100), f"{text}: {growth} bytes more at the end"
    return text
