"""Thousands who come and go at once, and readers that never read."""
import contextlib
import resource
import select
import socket

import pytest

from bare import CLOSE, TEXT, frame
from crowd import Crowd, Speaker, Waiting, dial, open_all, reset
from figures import KIB, MIB, Process, in_mib, percentiles, repeated, until
from peers import SECONDS
from running import Server

QUIET = ("--dev", "--heartbeat-seconds", "600", "--silence-seconds", "1200")
# A client that does not read keeps little in the kernels with these: what it is sent waits in the gateway.
DEAF = {"segment": 536, "buffer": 2048}


def room_for(count: int) -> None:
    """Raises this process's own limit of descriptors; skips where it can't be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"{count} descriptors are needed, and the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def come_and_go(server, count: int) -> None:
    """Opens so many, a third each: nothing said, an event stream, a WebSocket; then drops them all, half with RST."""
    starts = [b"", b"GET /channels/crowd HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
              b"GET /channels/crowd HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"]
    kept = []
    with Waiting() as waiting:
        for number in range(count):
            # The kernel keeps some 4,096 for a listener; a client beyond them would try again only after a second.
            while len(waiting.sockets) >= 1000:
                arrive(waiting, kept, starts)
            waiting.add(dial(server, number), select.EPOLLOUT)
        while waiting.sockets:
            arrive(waiting, kept, starts)
    assert len(kept) == count
    for number, one in enumerate(kept):
        if number % 2:
            reset(one)
        else:
            one.close()


def arrive(waiting: Waiting, kept: list, starts: list[bytes]) -> None:
    ready = waiting.ready()
    assert ready, f"{len(waiting.sockets)} were not let in"
    for one, events in ready:
        assert not events & select.EPOLLERR, "refused"
        waiting.remove(one)
        one.send(starts[len(kept) % len(starts)])
        kept.append(one)


def test_thousands_come_and_go_and_those_who_stay_lose_nothing(serve, figure, heavy):
    count, times = (10_000, 8) if heavy else (2_000, 6)
    room_for(count + 1000)
    running = serve(*QUIET, "--history", "10")
    process = Process(running)
    with Crowd(running, 50, first=count) as crowd:
        present = process.sockets()
        peaks = []

        def act() -> None:
            crowd.say(20)
            come_and_go(running, count)
            peaks.append(process.memory())
            crowd.hear(20)
            until(lambda: process.sockets() == present, "all who went are gone")

        figure(f"{times} × {count}: " + repeated(process, act, times, count) + f", {in_mib(max(peaks))} at most")
        figure(str(crowd))


def test_one_that_never_reads_among_a_thousand_that_do(serve, figure, heavy):
    count, times, backlog, size = 1000, 8 if heavy else 5, 64 * KIB, 4000
    # What waits for the one, what the kernel would not take of it, and for each of two loops what a turn frames
    # (drainBytesPerTurnMax, in an array that grows by doubling).
    bound = 2 * backlog + 2 * 2 * MIB
    running = serve(*QUIET, "--loops", "2", "--message-bytes-max", "4096", "--backlog-bytes-max", str(backlog),
                    "--history", "10")
    process = Process(running)
    room_for(count + 1000)
    with Crowd(running, count) as crowd:
        crowd.hear(10, size)
        present, before, peaks, taken = process.sockets(), process.memory(), [], []
        alone, beside = [], []

        def act() -> None:
            for _ in range(10):
                alone.extend(crowd.hear(10, size))
            with Deaf(running, "/channels/crowd", count) as deaf:
                begin = len(crowd.expected)
                for _ in range(10):
                    beside.extend(crowd.hear(10, size))
                    peaks.append(process.memory())
                taken.append(deaf.last_words(bytes(crowd.expected[begin:])))
            until(lambda: process.sockets() == present, "the one that does not read is closed")

        text = repeated(process, act, times, 1)
        figure(f"{times} × one that never reads: {text}, {in_mib(max(peaks))} at most (bound {in_mib(before + bound)}); "
               f"closed with 1013 after {taken[-1]} of 100 messages")
        figure(f"10 messages reach a reader within {percentiles(alone)} without it, {percentiles(beside)} with it")
        assert max(peaks) - before <= bound
        figure(str(crowd))


def test_fifty_that_never_read_cost_their_backlogs_and_no_more(binary, figure, heavy):
    count, times, backlog, size = 50, 20 if heavy else 6, MIB, 200 * KIB
    # Each backlog, the message that was one too many, and what the kernel would not take of the first; no history.
    bound = count * (backlog + 2 * size) + 2 * 2 * MIB
    # glibc keeps much of what big messages have used unless it is told not to; here it is the gateway's own that counts.
    with (Server("env", "MALLOC_MMAP_THRESHOLD_=131072", binary, "serve", *QUIET, "--loops", "2", "--message-bytes-max",
                 str(backlog), "--backlog-bytes-max", str(backlog), "--history", "0", "--listen", "127.0.0.1:0")
          as running, Crowd(running, 20) as crowd):
        process = Process(running)
        crowd.hear(10)
        present, before, peaks = process.sockets(), process.memory(), []
        text = b"x" * size

        def act() -> None:
            with contextlib.ExitStack() as stack:
                deaf = [stack.enter_context(Deaf(running, f"/channels/{number}", number)) for number in range(count)]
                speakers = [stack.enter_context(Speaker(running, str(number))) for number in range(count)]
                # In turn, so that all are nearly full before the first is.
                for _ in range(10):
                    for one in speakers:
                        one.say(text)
                    peaks.append(process.memory())
                    crowd.hear(5)
                for one in deaf:
                    assert one.last_words(frame(TEXT, text, mask=None) * 10) < 10
            until(lambda: process.sockets() == present, "all of them are closed")

        figure(f"{times} × {count} that never read: {repeated(process, act, times, count, slack=size)}, "
               f"{in_mib(max(peaks))} at most (bound {in_mib(before + bound)})")
        assert count * backlog / 2 < max(peaks) - before <= bound
        figure(str(crowd))


class Deaf:
    """A WebSocket that reads nothing until it is asked for what it was told last."""

    def __init__(self, server, path: str, number: int):
        self.socket, = open_all(server, path, 1, first=number, **DEAF)

    def last_words(self, expected: bytes) -> int:
        """Reads to the end: so many whole messages, from the first on, and then that it was too slow (1013)."""
        self.socket.settimeout(SECONDS)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        slow = frame(CLOSE, b"\x03\xf5slow", mask=None)
        said = bytearray()
        while not said.endswith(slow):
            data = self.socket.recv(1 << 18)
            assert data, f"ended without a close frame: {bytes(said[-80:])!r}"
            said += data
        self.socket.sendall(frame(CLOSE, slow[2:]))
        assert self.socket.recv(1) == b""
        close = len(said) - len(slow)
        assert expected.startswith(said[:close]), "not what was published"
        rest, messages = expected[:close], 0
        while rest:
            length = rest[1] if rest[1] < 126 else int.from_bytes(rest[2:4 if rest[1] == 126 else 10], "big")
            rest = rest[length + (2 if rest[1] < 126 else 4 if rest[1] == 126 else 10):]
            messages += 1
        assert not rest and close < len(expected), "a message was cut, or nothing was kept back"
        return messages

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
