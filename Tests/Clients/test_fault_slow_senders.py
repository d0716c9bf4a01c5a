"""Requests that arrive byte by byte and never end (slowloris), hundreds at once."""
import select
import time

import pytest

from crowd import Crowd, Waiting, dial
from figures import Process, in_mib, until

HEAD_SECONDS, BODY_SECONDS = 2, 2
STARTS = {
    "head": b"GET /channels/crowd HTTP/1.1\r\nHost: a\r\nX-Long: ",
    "body": b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n",
    "chunked body": b"POST /channels/crowd HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    "batch": b"POST /publish HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n{",
}


def test_each_is_answered_408_at_its_deadline_and_nobody_else_notices(serve, figure, heavy):
    each = 1000 if heavy else 150
    running = serve("--dev", "--head-seconds", str(HEAD_SECONDS), "--body-seconds", str(BODY_SECONDS),
                    "--heartbeat-seconds", "600", "--silence-seconds", "1200", "--history", "10")
    process = Process(running)
    with Crowd(running, 50) as crowd:
        crowd.hear(10)
        present, before, spent = process.sockets(), process.memory(), process.processor_seconds()
        with Waiting() as waiting:
            heard, begun = {}, time.monotonic()
            for number in range(each * len(STARTS)):
                one = dial(running, number)
                waiting.add(one, select.EPOLLOUT)
                heard[one] = list(STARTS.values())[number % len(STARTS)], bytearray()
            peak = 0
            while waiting.sockets:
                trickle(waiting, heard)
                crowd.hear(1)
                peak = max(peak, process.memory())
                assert time.monotonic() - begun < 30, f"{len(waiting.sockets)} are still there"
        for _, answer in heard.values():
            assert answer.startswith(b"HTTP/1.1 408 "), bytes(answer[:200])
            assert b"application/problem+json" in answer
        until(lambda: process.sockets() == present, "all of them are closed")
        spent = process.processor_seconds() - spent
        figure(f"{len(heard)} trickle, each 408: memory {in_mib(before)}, {in_mib(peak)} at most, "
               f"{in_mib(process.memory())} after; {spent:.2f} s of processor time")
        figure(str(crowd))


def trickle(waiting: Waiting, heard: dict) -> None:
    """A byte from each, then what the gateway says within a twentieth of a second."""
    for one in list(waiting.sockets.values()):
        start, answer = heard[one]
        if start:
            continue
        try:
            one.send(b"x")
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass
    end = time.monotonic() + 0.05
    while (left := end - time.monotonic()) > 0 and (ready := waiting.ready(left)):
        for one, events in ready:
            start, answer = heard[one]
            if start:
                one.send(start)
                heard[one] = b"", answer
                waiting.want(one, select.EPOLLIN)
                continue
            try:
                data = one.recv(4096)
            except ConnectionResetError:
                # A byte that crossed the gateway's last word: it has all been said before.
                data = b""
            answer += data
            if not data:
                waiting.remove(one)
                one.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_who_says_nothing_at_all_is_closed_too(serve, scheme):
    running = serve("--dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--head-seconds", "1")
    process = Process(running)
    present = process.sockets()
    with Waiting() as waiting:
        for number in range(100):
            waiting.add(dial(running, number, scheme))
        while waiting.sockets:
            ready = waiting.ready()
            assert ready, f"{len(waiting.sockets)} are still open"
            for one, _ in ready:
                assert one.recv(100) == b""
                waiting.remove(one)
                one.close()
    until(lambda: process.sockets() == present, "all of them are closed")
