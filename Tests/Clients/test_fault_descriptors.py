"""A gateway that has used up its descriptors: clients wait, and nobody who is there notices."""
import resource
import shutil

import pytest

from bare import Bare
from crowd import Crowd, Waiting, dial
from figures import Process, until
from running import Server

# Few, so that a test can use them up; half of them are the gateway's own.
DESCRIPTORS = 160
WAITING = 120
REQUEST = b"GET /channels/other?timeout=0 HTTP/1.1\r\nHost: a\r\n\r\n"

pytestmark = pytest.mark.skipif(not shutil.which("prlimit"), reason="prlimit (util-linux) sets the limit")


@pytest.fixture
def narrow(binary):
    with Server("prlimit", f"--nofile={DESCRIPTORS}", binary, "serve", "--dev", "--heartbeat-seconds", "600",
                "--silence-seconds", "1200", "--loops", "2", "--listen", "127.0.0.1:0") as running:
        yield running


class Newcomers:
    """Clients that have asked for something, and may have to wait for the answer."""

    def __init__(self, server, count: int):
        self.waiting, self.inside = Waiting(), []
        for number in range(count):
            one = dial(server, number)
            self.waiting.add(one)
            one.setblocking(True)
            one.sendall(REQUEST)

    def settle(self, seconds: float) -> int:
        """Takes the answers that come, until none has come for so long. Who was answered stays connected.

        Gives how many are inside.
        """
        while ready := self.waiting.ready(seconds):
            for one, _ in ready:
                assert one.recv(4096).startswith(b"HTTP/1.1 204 ")
                self.waiting.remove(one)
                self.inside.append(one)
        return len(self.inside)

    def leave(self) -> None:
        for one in self.inside:
            one.close()
        self.inside.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()
        self.waiting.close()


def cost_of_a_second(process: Process, present: Bare) -> float:
    """Processor time that the gateway uses while a poll waits for a second of the gateway's own."""
    before = process.processor_seconds()
    present.send(b"GET /channels/quiet?timeout=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert present.head()[0] == 204
    return process.processor_seconds() - before


def test_at_its_limit_new_clients_wait_and_the_present_ones_receive_everything(narrow, figure):
    process = Process(narrow)
    with Bare(narrow) as present, Crowd(narrow, 20) as crowd:
        crowd.hear(10)
        with Newcomers(narrow, WAITING) as newcomers:
            newcomers.settle(0.2)
            spent = cost_of_a_second(process, present)
            crowd.hear(200)
            inside = newcomers.settle(0.05)
            assert 0 < inside < WAITING, f"{inside} of {WAITING} were let in: the limit was not reached"
            assert process.descriptors() < DESCRIPTORS
            # A loop that asks again and again for a client that it can't have would use all of the second.
            assert spent <= 0.2, f"{spent:.2f} s of processor time in one second"
            figure(f"{WAITING - inside} wait at {DESCRIPTORS} descriptors: {spent:.2f} s of processor time in a second")
            # As others go, those who wait are let in, down to the last.
            while newcomers.waiting.sockets:
                newcomers.leave()
                until(lambda: newcomers.settle(0.05) > 0, "somebody who waited is let in")
        crowd.hear(10)
        figure(str(crowd))


def test_when_the_kernel_refuses_a_descriptor_accepting_rests_and_goes_on(serve, figure):
    running = serve("--dev", "--heartbeat-seconds", "600", "--silence-seconds", "1200")
    process = Process(running)
    with Bare(running) as present, Crowd(running, 20) as crowd:
        crowd.hear(10)
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        # Below all that it has open: `accept` fails with EMFILE from now on.
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, hard))
        with Newcomers(running, WAITING) as newcomers:
            spent = cost_of_a_second(process, present)
            crowd.hear(200)
            assert newcomers.settle(0.05) == 0
            assert spent <= 0.2, f"{spent:.2f} s of processor time in one second"
            figure(f"{WAITING} wait at EMFILE: {spent:.2f} s of processor time in a second; {crowd}")
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
            until(lambda: newcomers.settle(0.05) == WAITING, "everybody who waited is let in")
        crowd.hear(10)
