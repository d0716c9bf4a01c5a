"""Peers that are gone without a word: no FIN, no RST, and nothing that they are sent is ever acknowledged."""
import ctypes
import socket
import struct

import pytest

from bare import Bare, WebSocket
from figures import Process, until

EACH = 10
FLAGS = ("--dev", "--tls-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0",
         "--heartbeat-seconds", "1", "--silence-seconds", "2", "--backlog-seconds", "2")


def vanish(one: socket.socket) -> None:
    """Makes this end deaf below TCP: a packet filter drops whatever comes for it, so nothing is acknowledged."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0 bytes
    filter = struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
    one.setsockopt(socket.SOL_SOCKET, 26, filter)  # SO_ATTACH_FILTER


def stream(server, accept: str, scheme: str) -> Bare:
    one = Bare(server, scheme)
    one.send(f"GET /channels/quiet HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n".encode())
    assert one.head()[0] == 200
    return one


def poll(server, scheme: str) -> Bare:
    one = Bare(server, scheme)
    one.send(b"GET /channels/quiet?timeout=0 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert one.head()[0] == 204
    one.send(b"GET /channels/quiet?timeout=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    return one


KINDS = {
    "websocket": lambda server, scheme: WebSocket(server, "/channels/quiet", scheme),
    "event stream": lambda server, scheme: stream(server, "text/event-stream", scheme),
    "lines": lambda server, scheme: stream(server, "application/x-ndjson", scheme),
    "long-poll": poll,
}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_heartbeat_finds_those_who_are_gone_and_nobody_else(serve, figure, scheme):
    running = serve(*FLAGS)
    process = Process(running)
    before = process.sockets()
    with Answering(running) as present:
        gone = []
        for kind in list(KINDS.values()) * EACH:
            gone.append(kind(running, scheme))
            vanish(gone[-1].socket)
        # Each ping is answered meanwhile, and more of them come than would do to give this one up.
        until(lambda: present.answer() and process.sockets() == before + 1,
              "the gateway has given up those who are gone")
        for _ in range(2):
            present.answer(wait=True)
        figure(f"{len(gone)} gone, {before + 1 + len(gone) - process.sockets()} given up; one that answered {present.pings} pings stays")
        for one in gone:
            one.close()


class Answering(WebSocket):
    """One that answers pings."""
    pings = 0

    def __init__(self, server):
        super().__init__(server, "/channels/quiet")

    def answer(self, wait: bool = False) -> bool:
        if not wait:
            self.socket.setblocking(False)
            try:
                if not self.rest and not self.socket.recv(1, socket.MSG_PEEK):
                    raise AssertionError("hung up on one that answers")
            except BlockingIOError:
                return True
            finally:
                self.socket.settimeout(20)
        first, _ = self.frame()
        assert first == 0x89, first
        self.send(b"\x8a\x80\x00\x00\x00\x00")
        self.pings += 1
        return True
