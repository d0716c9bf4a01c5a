"""Many subscribers in one thread, and a speaker. Each must be sent exactly what was published, in order: the bytes that
come are compared with those that must, so that a message too many, too few or too early fails at once."""
import json
import select
import socket
import struct
import time

from bare import TEXT, Bare, frame, handshake
from peers import SECONDS

RESET = struct.pack("ii", 1, 0)


def dial(server, number: int = 0, scheme: str = "http", segment: int | None = None,
         buffer: int | None = None) -> socket.socket:
    """A connection that is under way, without waiting for it.

    `number` spreads clients over the addresses of 127.0.0.0/8; `segment` and `buffer` keep what the kernels hold on
    the way to a client that does not read small.
    """
    one = socket.socket()
    one.setblocking(False)
    if segment:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    if buffer:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: a port for each pair of addresses
    one.bind((f"127.{1 + number // 50000}.{number // 200 % 250}.{1 + number % 200}", 0))
    one.connect_ex(server.address(scheme))
    return one


def reset(one: socket.socket) -> None:
    """Drops a connection with RST instead of FIN."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()


class Waiting:
    """Sockets of which some will be readable or writable; gives them as they are."""

    def __init__(self):
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}

    def add(self, one: socket.socket, events: int = select.EPOLLIN) -> None:
        self.sockets[one.fileno()] = one
        self.poll.register(one.fileno(), events)

    def want(self, one: socket.socket, events: int) -> None:
        self.poll.modify(one.fileno(), events)

    def remove(self, one: socket.socket) -> None:
        self.poll.unregister(one.fileno())
        del self.sockets[one.fileno()]

    def ready(self, seconds: float = SECONDS) -> list[tuple[socket.socket, int]]:
        return [(self.sockets[number], events) for number, events in self.poll.poll(seconds)]

    def close(self) -> None:
        for one in self.sockets.values():
            one.close()
        self.poll.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def open_all(server, path: str, count: int, first: int = 0, **how) -> list[socket.socket]:
    """So many WebSockets that have been answered 101, and nothing has been read beyond it."""
    done = []
    with Waiting() as waiting:
        for number in range(first, first + count):
            waiting.add(dial(server, number, **how), select.EPOLLOUT)
        while waiting.sockets:
            ready = waiting.ready()
            assert ready, f"{len(waiting.sockets)} of {count} were not answered"
            for one, events in ready:
                if events & select.EPOLLOUT:
                    one.send(handshake(path))
                    waiting.want(one, select.EPOLLIN)
                    continue
                seen = one.recv(4096, socket.MSG_PEEK)
                assert seen.startswith(b"HTTP/1.1 101 "), seen[:200]
                end = seen.find(b"\r\n\r\n") + 4
                if end >= 4:
                    one.recv(end)
                    waiting.remove(one)
                    done.append(one)
    return done


class Speaker(Bare):
    """Publishes over one connection that is kept."""

    def __init__(self, server, channel: str, scheme: str = "http"):
        super().__init__(server, scheme)
        self.head_start = (f"POST /channels/{channel} HTTP/1.1\r\nHost: a\r\n"
                           "Content-Type: text/plain\r\nContent-Length: ").encode()

    def request(self, text: bytes) -> bytes:
        return self.head_start + b"%d\r\n\r\n" % len(text) + text

    def say(self, *texts: bytes) -> list[str]:
        """All at once; gives their ids, each of which was answered with 200."""
        self.send(b"".join(map(self.request, texts)))
        ids = []
        for _ in texts:
            status, _, body = self.response()
            assert status == 200, body
            ids.append(json.loads(body)["id"])
        return ids


class Crowd:
    """So many raw WebSockets on one channel, and the speaker that they hear.

    The gateway's heartbeat must be longer than the test: a ping is a byte too many.
    """

    def __init__(self, server, count: int, channel: str = "crowd", first: int = 0):
        self.speaker = Speaker(server, channel)
        self.waiting = Waiting()
        self.places: dict[socket.socket, int] = {}
        for one in open_all(server, f"/channels/{channel}", count, first):
            self.waiting.add(one)
            self.places[one] = 0
        self.expected = bytearray()
        self.published = 0

    def say(self, count: int, size: int = 64) -> None:
        """Publishes so many messages of so many bytes, each with its number."""
        texts = [b"%d " % (self.published + number) for number in range(count)]
        texts = [text.ljust(size, b"x") for text in texts]
        self.speaker.say(*texts)
        for text in texts:
            self.heard(text)

    def heard(self, text: bytes) -> None:
        """One more message that everybody must be sent."""
        self.expected += frame(TEXT, text, mask=None)
        self.published += 1

    def listen(self) -> list[float]:
        """Returns when each has been sent everything, and nothing else: the times at which one after the other had it."""
        behind = sum(place < len(self.expected) for place in self.places.values())
        times = []
        while len(times) < behind:
            ready = self.waiting.ready()
            assert ready, f"{behind - len(times)} of {len(self.places)} wait for messages: {self}"
            for one, _ in ready:
                if self._read(one):
                    times.append(time.monotonic())
        for one, _ in self.waiting.ready(0):
            self._read(one)
        return times

    def _read(self, one: socket.socket) -> bool:
        """Whether this one has everything now."""
        place = self.places[one]
        data = one.recv(1 << 18)
        assert data, f"a subscriber was hung up on: {self}"
        assert self.expected[place:place + len(data)] == data, f"{data[:80]!r} at byte {place}: {self}"
        self.places[one] = place + len(data)
        return self.places[one] == len(self.expected)

    def hear(self, count: int, size: int = 64) -> list[float]:
        """How long each waited for all of it, in seconds."""
        begin = time.monotonic()
        self.say(count, size)
        return [when - begin for when in self.listen()]

    def __str__(self) -> str:
        return f"{len(self.places)} subscribers, {self.published} messages each, all in order"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.waiting.close()
        self.speaker.close()
