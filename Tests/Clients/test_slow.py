"""A slow client costs its own backlog, and nobody else anything."""
import socket
import threading
import time

import pytest

from bare import CLOSE, WebSocket, handshake
from peers import Raw, ServerSentEvents, publish, web

# Together far more than the kernel keeps for a client with small segments, so that few are needed: a client that is
# closed as slow has five seconds to read what it was told last.
MESSAGE, COUNT, SEGMENT = "m" * 60000, 30, 536


class Slow(WebSocket):
    """A WebSocket that reads nothing until it is asked to, with a small buffer in the kernel."""

    def __init__(self, server, path: str, segment: int | None = None):
        self.host, port = server.address()
        self.rest = b""
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if segment:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        self.socket.settimeout(20)
        self.socket.connect((self.host, port))
        self.send(handshake(path))
        assert self.head()[0] == 101


@pytest.fixture
def tight(serve):
    return serve("--dev", "--message-bytes-max", "65536", "--backlog-bytes-max", "65536", "--history", "10")


def speak(running, count: int) -> list[str]:
    with web() as client:
        return [client.post(running.channel("a"), content=f"{number} {MESSAGE}",
                            headers={"Content-Type": "text/plain"}).json()["id"] for number in range(count)]


def test_a_slow_websocket_is_closed_with_1013_and_the_others_get_everything(tight):
    with Slow(tight, "/channels/a", SEGMENT) as slow, Raw(tight.channel("a", "ws")) as raw, \
            ServerSentEvents(tight.channel("a")) as stream:
        ids = []
        # In steps, so that only the one that does not read falls behind.
        for _ in range(COUNT):
            (identifier,) = speak(tight, 1)
            ids.append(identifier)
            assert raw.next()[1] == f"0 {MESSAGE}"
            assert stream.next() == (identifier, f"0 {MESSAGE}")
        seen = 0
        # Read quickly from here on.
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        first, payload = slow.frame()
        while first != 0x80 | CLOSE:
            assert payload.decode() == f"0 {MESSAGE}", "a message was cut"
            seen += 1
            first, payload = slow.frame()
        assert int.from_bytes(payload[:2], "big") == 1013
        assert slow.to_the_end() == b""
        assert seen < len(ids)
        # And it may come back.
        with Raw(tight.channel("a", "ws", f"after={ids[-2]}")) as again:
            assert again.next()[1] == f"0 {MESSAGE}"


def test_a_client_that_reads_in_time_is_not_slow(tight):
    """Its backlog is used again and again, but never up."""
    with Slow(tight, "/channels/a") as one:
        for _ in range(40):
            speak(tight, 2)
            for number in range(2):
                assert one.frame() == (0x81, f"{number} {MESSAGE}".encode())


def test_a_slow_event_stream_is_ended_and_goes_on_by_id(tight):
    with ServerSentEvents(tight.channel("a")) as reader:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        slow.settimeout(20)
        slow.connect(tight.address())
        slow.sendall(b"GET /channels/a HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
        chunks = [slow.recv(1000)]
        assert chunks[0].startswith(b"HTTP/1.1 200")
        for number in range(COUNT):
            publish(tight.channel("a"), f"{number} {MESSAGE}")
            assert reader.next()[1] == f"{number} {MESSAGE}"
        try:
            while data := slow.recv(65536):
                chunks.append(data)
        except ConnectionResetError:
            pass
        said = b"".join(chunks)
        assert f"{COUNT - 1} {MESSAGE}".encode() not in said
        last = [line[4:] for line in said.decode().split("\n\n")[-2].split("\n") if line.startswith("id: ")]
        slow.close()
    with ServerSentEvents(tight.channel("a"), **{"Last-Event-ID": last[0]}) as again:
        while again.next()[1] != f"{COUNT - 1} {MESSAGE}":
            pass
        assert again.gap, "ten are kept, and more were missed"


def test_a_client_that_takes_little_at_a_time_gets_a_big_message_whole(serve):
    """It is given its time for each piece, not for the whole."""
    running = serve("--dev", "--backlog-seconds", "1", "--silence-seconds", "60")
    text = "".join(f"{number:08d}" for number in range(65536))
    with Slow(running, "/channels/a") as slow:
        publish(running.channel("a"), text)
        seen, begun = b"", time.monotonic()
        # Some 3 seconds in all.
        while len(seen) < 10 + len(text):
            seen += slow.socket.recv(32768)
            pause = 3 * len(seen) / len(text) - (time.monotonic() - begun)
            if pause > 0:
                threading.Event().wait(pause)
        assert seen[10:] == text.encode()
