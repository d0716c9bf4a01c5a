"""Clients that go away while they introduce themselves, at every byte of it."""
import socket
import ssl

import pytest

from bare import handshake
from crowd import Crowd, dial, reset
from figures import Process, repeated, until
from peers import SECONDS, trusting

EACH = 500


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        trusting().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def connected(server, number: int, scheme: str) -> socket.socket:
    one = dial(server, number, scheme)
    one.settimeout(SECONDS)
    return one


def before_it_is_accepted(server, settle) -> None:
    for number in range(EACH):
        reset(dial(server, number, ("http", "https")[number % 2]))


def within(data: bytes, scheme: str):
    """Cuts so many connections, one after each byte of `data`, in turn with RST and with FIN."""
    def act(server, settle) -> None:
        for number in range(max(EACH, len(data) + 1)):
            # Few at a time, so that each time asks the same of the allocator.
            if number % 100 == 0:
                settle()
            one = connected(server, number, scheme)
            one.sendall(data[:number % (len(data) + 1)])
            if number % 2:
                reset(one)
            else:
                one.close()
    return act


def within_the_second_flight(server, settle) -> None:
    """After the server has proved who it is: the client's own Finished is cut at every byte."""
    for number in range(EACH):
        one = connected(server, number, "https")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
        flights = 0
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                one.sendall(outgoing.read())
                incoming.write(one.recv(65536))
        finished = outgoing.read() + b"\x17\x03\x03"
        one.sendall(finished[:number % len(finished)])
        reset(one)


FAULTS = {
    "TCP": before_it_is_accepted,
    "ClientHello": within(client_hello(), "https"),
    "Finished": within_the_second_flight,
    "upgrade": within(handshake("/channels/crowd"), "http"),
    "post": within(b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"
                   + b"x" * 300, "http"),
}


@pytest.fixture(scope="module")
def running(serve_module):
    return serve_module("--dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
                        "--heartbeat-seconds", "600", "--silence-seconds", "1200", "--history", "10")


@pytest.mark.parametrize("fault", FAULTS)
def test_handshakes_cut_at_every_byte_leave_nothing_behind(running, figure, heavy, fault):
    process = Process(running)
    with Crowd(running, 20) as crowd:
        present = process.sockets()

        def act() -> None:
            crowd.say(5)
            FAULTS[fault](running, settle)
            crowd.hear(5)
            settle()

        def settle() -> None:
            until(lambda: process.sockets() == present, "all that were cut are closed")

        times = 4 if fault == "Finished" and not heavy else 8
        figure(f"{times} × {EACH}: " + repeated(process, act, times, EACH))
        figure(str(crowd))
