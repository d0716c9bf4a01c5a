"""Noise, halves of requests, requests in single bytes, and requests by the ten thousand."""
import random
import re
import select
import socket
import ssl

import pytest

from bare import TEXT, Bare, WebSocket, frame, handshake
from crowd import Crowd, Speaker, Waiting, dial, reset
from figures import Process, repeated, until
from peers import SECONDS, Raw, trusting

QUIET = ("--dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--heartbeat-seconds", "600",
         "--silence-seconds", "1200")


@pytest.fixture(scope="module")
def running(serve_module):
    return serve_module(*QUIET, "--history", "10")


def noise(chance: random.Random, number: int) -> bytes:
    """Random bytes, bare or behind something that the gateway knows."""
    data = chance.randbytes(chance.randrange(1, 4000))
    starts = [b"", b"GET ", b"GET /channels/crowd HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
              b"POST /publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
              b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", handshake("/connect", {"Sec-WebSocket-Protocol": "carillon.v1"}),
              # A WebSocket whose frames are noise.
              handshake("/channels/noise", {"Sec-WebSocket-Extensions": "permessage-deflate"})]
    return starts[number % len(starts)] + data


def test_noise_from_two_hundred_at_once_is_hung_up_on_and_a_subscriber_receives_everything(running, figure):
    count, process, seed = 200, Process(running), random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Crowd(running, 20) as crowd, Raw(running.channel("crowd", "wss")) as secure:
        present, published = process.sockets(), crowd.published

        def act() -> None:
            with Waiting() as waiting:
                for number in range(count):
                    one = dial(running, number, ("http", "https")[number // 8 % 2])
                    one.settimeout(SECONDS)
                    one.sendall(noise(chance, number))
                    # Noise that by chance is a beginning is still hung up on: its sender has no more to say.
                    one.shutdown(socket.SHUT_WR)
                    waiting.add(one)
                crowd.hear(20)
                while waiting.sockets:
                    ready = waiting.ready()
                    assert ready, f"{len(waiting.sockets)} were not hung up on"
                    for one, _ in ready:
                        try:
                            if one.recv(65536):
                                continue
                        except ConnectionResetError:
                            pass
                        waiting.remove(one)
                        one.close()
            until(lambda: process.sockets() == present, "all of them are closed")

        figure(f"20 × {count}, seed {seed}: " + repeated(process, act, 20, count))
        for number in range(published, crowd.published):
            assert secure.next()[1].rstrip("x") == f"{number} "
        figure(f"{crowd}; one under TLS as well")


# Half of something

def cut_body(server) -> None:
    with Bare(server) as one:
        one.send(b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + b"x" * 1999)


def cut_chunk(server) -> None:
    one = Bare(server)
    one.send(b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
    reset(one.socket)


def cut_batch(server) -> None:
    line = b'{"channel":"crowd","data":"x"}\n'
    with Bare(server) as one:
        one.send(b"POST /publish HTTP/1.1\r\nHost: a\r\nContent-Length: 3100\r\n\r\n" + line * 99 + line[:-1])


def cut_frame(server) -> None:
    one = WebSocket(server, "/channels/crowd")
    one.send(frame(TEXT, b"first half", fin=False) + frame(0, b"second half")[:-1])
    reset(one.socket)


@pytest.mark.parametrize("cut", [cut_body, cut_chunk, cut_batch, cut_frame])
def test_a_publisher_that_goes_in_the_middle_has_published_nothing(running, figure, cut):
    """Nothing of it, and nobody else's message is missing."""
    process = Process(running)
    with Crowd(running, 20) as crowd:
        present = process.sockets()

        def act() -> None:
            for _ in range(100):
                cut(running)
            crowd.hear(5)
            until(lambda: process.sockets() == present, "all of them are closed")

        figure("8 × 100: " + repeated(process, act, 8, 100))
        figure(str(crowd))


# Byte by byte

@pytest.mark.parametrize("scheme", ["http", "https"])
def test_who_sends_everything_byte_by_byte_is_understood(running, scheme):
    with Crowd(running, 5) as crowd, Bare(running, scheme) as one, Bare(running, scheme) as two:
        def dribble(to: Bare, data: bytes) -> None:
            for place in range(len(data)):
                to.send(data[place:place + 1])

        dribble(one, handshake("/channels/crowd"))
        assert one.head()[0] == 101
        dribble(one, frame(TEXT, b"one") + frame(TEXT, b"tw", fin=False) + frame(0, b"o"))
        for text in (b"one", b"two"):
            crowd.heard(text)
        crowd.listen()
        for text in (b"three", b"four"):
            dribble(two, b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"
                    + text[:1] + b"\r\n%x\r\n" % (len(text) - 1) + text[1:] + b"\r\n0\r\n\r\n")
            assert two.response()[0] == 200
            crowd.heard(text)
        crowd.listen()


def test_a_tls_client_whose_records_come_byte_by_byte_is_understood(running):
    with Crowd(running, 5) as crowd, Bare(running, "http") as plain:
        plain.socket.close()
        plain.socket = dial(running, 0, "https")
        plain.socket.settimeout(SECONDS)
        plain.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")

        def step(action):
            while True:
                try:
                    value = action()
                except ssl.SSLWantReadError:
                    value = None
                data = outgoing.read()
                for place in range(len(data)):
                    plain.socket.send(data[place:place + 1])
                if value is not None:
                    return value
                incoming.write(plain.socket.recv(65536))

        step(lambda: tls.do_handshake() or True)
        step(lambda: tls.write(b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"))
        assert step(lambda: tls.read(1000)).startswith(b"HTTP/1.1 200 ")
        crowd.heard(b"hello")
        crowd.listen()


# Ten thousand

def test_ten_thousand_requests_in_a_row_are_answered_in_order_and_nothing_is_lost(running, figure):
    count, process = 10_000, Process(running)
    with Crowd(running, 5) as crowd, Speaker(running, "crowd") as flood:
        def act() -> None:
            texts = [b"%d" % (crowd.published + number) for number in range(count)]
            pour(flood, [flood.request(text) for text in texts])
            for text in texts:
                crowd.heard(text)
            crowd.listen()

        figure(f"20 × {count} in a row: " + repeated(process, act, 20, 1))
        figure(str(crowd))


ANSWER = re.compile(rb"HTTP/1\.1 200 OK\r\n(?:[^\r]+\r\n)*\r\n\{\"id\":\"[a-z0-9]+-(\d+)\"\}\n")


def pour(to: Speaker, requests: list[bytes]) -> None:
    """Sends as much as is taken while reading what is answered: 200 to each, with rising sequences."""
    data, place, rest, sequences = b"".join(requests), 0, b"", []
    to.socket.setblocking(False)
    while len(sequences) < len(requests):
        wanted = [to.socket] if place < len(data) else []
        readable, writable, _ = select.select([to.socket], wanted, [], SECONDS)
        assert readable or writable, f"stuck after {len(sequences)} answers"
        if writable:
            place += to.socket.send(data[place:place + (1 << 18)])
        if readable:
            rest += to.socket.recv(1 << 18)
            used = 0
            while answer := ANSWER.match(rest, used):
                sequences.append(int(answer[1]))
                used = answer.end()
            rest = rest[used:]
    to.socket.settimeout(SECONDS)
    assert rest == b"" and sequences == sorted(set(sequences))
