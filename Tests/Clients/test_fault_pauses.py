"""A gateway, or one of its loops, that stands still for a while; and clients that go away between two polls."""
import concurrent.futures
import contextlib
import ctypes
import json
import os
import random
import signal
import socket
import threading

import pytest

from bare import Bare
from crowd import Crowd, Speaker, Waiting, reset
from figures import Process, in_mib, until
from peers import SECONDS, publish, subscriber

SHORT = ("--heartbeat-seconds", "1", "--silence-seconds", "2")


def stopped(process: Process) -> bool:
    return (process.home / "stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_gateway_that_stands_still_for_longer_than_its_silences_loses_nobody_and_nothing(serve, figure):
    """SIGSTOP, and SIGCONT later than any heartbeat or silence allows: for the gateway, the clock jumps."""
    running = serve("--dev", *SHORT)
    process = Process(running)
    count, texts, seconds = 400, [], 3.5
    with contextlib.ExitStack() as stack:
        everybody = {kind: stack.enter_context(subscriber(kind, running, "a"))
                     for kind in ("raw", "v1", "sse", "stream", "long-poll")}
        present = process.sockets()

        def speak() -> None:
            with Speaker(running, "a") as speaker:
                for number in range(count):
                    texts.append(str(number))
                    speaker.say(b"%d" % number)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            spoken = pool.submit(speak)
            heard = {kind: pool.submit(one.take, count) for kind, one in everybody.items()}
            for _ in range(2):
                begun = len(texts)
                until(lambda: len(texts) > begun or spoken.done(), "something is published")
                os.kill(process.pid, signal.SIGSTOP)
                until(lambda: stopped(process), "the gateway stands still")
                # Time is the fault here: nothing else can make the gateway's clock jump.
                threading.Event().wait(seconds)
                os.kill(process.pid, signal.SIGCONT)
            spoken.result(SECONDS)
            for kind, one in heard.items():
                assert [data for _, data in one.result(SECONDS)] == texts, kind
        assert not any(one.gap for one in everybody.values())
        # Whoever was silent during the stop was not asked; nobody was sent away for it.
        until(lambda: process.sockets() == present, "everybody is there, and the speaker is not")
        publish(running.channel("a"), "still there")
        for kind, one in everybody.items():
            assert one.next()[1] == "still there", kind
    figure(f"2 × {seconds} s of standstill: {len(everybody)} subscribers, {count} messages each, all in order")


PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4206, 0x4207
WALL = 0x40000000


def trace(request: int, thread: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def standing_still(thread: int):
    """Stops one thread of the gateway and lets the others go on, as a debugger does."""
    try:
        trace(PTRACE_SEIZE, thread)
    except PermissionError:
        pytest.skip("this machine does not let a process trace its child")
    trace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        trace(PTRACE_DETACH, thread)


def test_while_one_loop_stands_still_the_ring_fills_and_what_was_answered_200_reaches_everybody(serve, figure):
    """No message is dropped for a loop that does not take it, and none is taken that there is no room for."""
    slots, size = 1 << 14, 100
    running = serve("--dev", "--loops", "2", "--heartbeat-seconds", "600", "--silence-seconds", "1200")
    process = Process(running)
    with Crowd(running, 20) as crowd, contextlib.ExitStack() as stack:
        crowd.hear(10, size)
        before = process.memory()
        # Whichever loop the kernel gives a connection to: with 20 of them, both have some.
        speakers = [stack.enter_context(Speaker(running, "crowd")) for _ in range(20)]
        with standing_still(process.threads()["carillon-1"]):
            speaker = one_that_is_answered(speakers)
            taken, refused = 0, 0
            while not refused:
                texts = [b"%d" % (crowd.published + number) for number in range(1000)]
                speaker.send(b"".join(map(speaker.request, texts)))
                for text in texts:
                    status, headers, body = speaker.response()
                    assert status in (200, 503), body
                    if status == 200:
                        assert not refused, "taken after it was full"
                        crowd.heard(text)
                        taken += 1
                    else:
                        assert int(headers["retry-after"]) > 0
                        refused += 1
                assert taken <= slots
            peak = process.memory()
        # Those on the other loop had everything, these catch up, and there is room again.
        crowd.listen()
        crowd.hear(10, size)
        figure(f"one of two loops stands still: {taken} taken, then 503; memory {in_mib(before)}, {in_mib(peak)} at most, "
               f"{in_mib(process.memory())} after")
        figure(str(crowd))
        # The slots of the ring with a message of this size in each, its head and the allocator's own.
        assert peak - before <= slots * 512


def one_that_is_answered(speakers: list[Speaker]) -> Speaker:
    with Waiting() as waiting:
        for one in speakers:
            one.send(b"GET /channels/other?timeout=0 HTTP/1.1\r\nHost: a\r\n\r\n")
            waiting.add(one.socket)
        ready = waiting.ready()
        waiting.sockets.clear()
    assert ready, "no loop answers"
    speaker = next(one for one in speakers if one.socket is ready[0][0])
    assert speaker.head()[0] == 204
    return speaker


class Poller:
    """A long-poll client that is cut again and again, before or while it is answered, and goes on from its last tag."""

    def __init__(self, server, chance: random.Random):
        self.server, self.chance = server, chance
        self.seen: list[tuple[str, str]] = []
        self.cuts = 0
        with Bare(server) as one:
            one.send(b"GET /channels/polled?timeout=0 HTTP/1.1\r\nHost: a\r\n\r\n")
            status, headers = one.head()
            assert status == 204
            self.tag = headers["etag"]

    def run(self, last: str) -> None:
        while not self.seen or self.seen[-1][1] != last:
            self.poll()

    def poll(self) -> None:
        one = Bare(self.server)
        one.send(f"GET /channels/polled?timeout=5 HTTP/1.1\r\nHost: a\r\nIf-None-Match: {self.tag}\r\n\r\n".encode())
        cut = self.chance.choice(["at once", "with the answer", "in the answer", "never", "never"])
        if cut == "with the answer":
            one.socket.recv(1, socket.MSG_PEEK)
        elif cut == "in the answer":
            one.socket.recv(self.chance.randrange(1, 400))
        elif cut == "never":
            status, headers, body = one.response()
            assert status in (200, 204) and "carillon-gap" not in headers
            self.tag = headers["etag"]
            if status == 200:
                self.seen += [(message["id"], message["data"]) for message in json.loads(body)["messages"]]
        self.cuts += cut != "never"
        reset(one.socket) if self.chance.random() < 0.5 else one.close()


def test_long_poll_clients_that_are_cut_at_random_miss_nothing_and_see_nothing_twice(serve, figure, heavy):
    clients, count, seed = 20, 2000 if heavy else 400, random.randrange(1 << 32)
    print(f"seed {seed}")
    running = serve("--dev", "--history", str(count))
    process = Process(running)
    present = process.sockets()
    pollers = [Poller(running, random.Random(seed + number)) for number in range(clients)]
    with concurrent.futures.ThreadPoolExecutor(clients) as pool, Speaker(running, "polled") as speaker:
        done = [pool.submit(one.run, str(count - 1)) for one in pollers]
        expected = []
        for number in range(count):
            identifier, = speaker.say(b"%d" % number)
            expected.append((identifier, str(number)))
        for one in done:
            one.result(SECONDS)
    for one in pollers:
        assert one.seen == expected
    until(lambda: process.sockets() == present, "all are closed")
    figure(f"{clients} clients cut {sum(one.cuts for one in pollers)} times, seed {seed}: {count} messages each, all in order")
