"""The program as a service: sd_notify(3), the watchdog, and sockets that the service manager holds."""
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys

import pytest

from peers import publish, web
from running import Server

# Puts the descriptors named where a service expects them, and becomes the program.
ACTIVATE = """
import os, sys
descriptors = [os.dup(int(word)) for word in sys.argv[1].split(",")]
free = [os.dup2(one, 100 + at) for at, one in enumerate(descriptors)]
for at, one in enumerate(free):
    os.dup2(one, 3 + at, inheritable=True)
os.environ.update(LISTEN_PID=sys.argv[2] or str(os.getpid()), LISTEN_FDS=str(len(free)), LISTEN_FDNAMES=sys.argv[3])
os.execv(sys.argv[4], sys.argv[4:])
"""


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path, monkeypatch):
    """Hears what the service says."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as hearing:
        name = f"{tmp_path}/notify" if request.param == "path" else f"@carillon-test-{secrets.token_hex(8)}"
        hearing.bind(name.replace("@", "\0", 1))
        hearing.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield hearing


def hear(manager, wanted: str) -> dict[str, str]:
    """The next notice that has `wanted` in it."""
    while True:
        notice = dict(line.split("=", 1) for line in manager.recv(4096).decode().split("\n"))
        if wanted in notice:
            return notice


def rest(manager) -> list[str]:
    """What has been said and not been heard."""
    manager.setblocking(False)
    said = []
    with contextlib.suppress(BlockingIOError):
        while True:
            said.append(manager.recv(4096).decode())
    manager.settimeout(20)
    return said


def test_a_service_says_when_it_is_ready_and_when_it_stops(serve, manager):
    running = serve("--dev", "--drain-seconds", "7")
    ready = hear(manager, "READY")
    assert ready["READY"] == "1" and running.addresses["http"] in ready["STATUS"]
    assert "MAINPID" not in ready
    assert publish(running.channel("a"), "it listens")
    running.process.send_signal(signal.SIGTERM)
    stopping = hear(manager, "STOPPING")
    assert stopping["STOPPING"] == "1"
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 7_000_000
    assert running.process.wait(timeout=30) == 0
    assert not any("WATCHDOG" in said for said in rest(manager))


def test_a_successor_is_the_service_from_then_on_and_nothing_stops(serve, manager, tmp_path):
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0"]
    running = serve(*flags)
    hear(manager, "READY")
    following = serve(*flags)
    said = [manager.recv(4096).decode()]
    while "READY=1" not in said[-1]:
        said.append(manager.recv(4096).decode())
    assert f"MAINPID={following.process.pid}" in said[-1].split("\n")
    assert running.process.wait(timeout=30) == 0
    assert not any("STOPPING" in one for one in said + rest(manager))


def test_nobody_is_told_where_nobody_listens(serve, monkeypatch, tmp_path):
    for target in (f"{tmp_path}/nobody", "not a target", "@"):
        monkeypatch.setenv("NOTIFY_SOCKET", target)
        running = serve("--dev")
        assert publish(running.channel("a"), "all the same")
        running.process.terminate()
        assert running.process.wait(timeout=30) == 0


class Halted:
    """One thread of a child process, halted by ptrace(2) and let go again."""
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long] * 4
    ptrace.restype = ctypes.c_long

    def __init__(self, process: int, name: str):
        self.thread = next(int(one) for one in os.listdir(f"/proc/{process}/task")
                           if open(f"/proc/{process}/task/{one}/comm").read().strip() == name)

    def __enter__(self) -> None:
        if self.ptrace(self.SEIZE, self.thread, 0, 0) != 0:
            pytest.skip("ptrace is not allowed here")
        assert self.ptrace(self.INTERRUPT, self.thread, 0, 0) == 0

    def __exit__(self, *_) -> None:
        self.ptrace(self.DETACH, self.thread, 0, 0)


def test_the_watchdog_is_fed_while_all_loops_turn_and_a_loop_that_does_not_is_named(serve, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    running = serve("--dev", "--loops", "2")
    for _ in range(3):
        assert hear(manager, "WATCHDOG")["WATCHDOG"] == "1"
    with Halted(running.process.pid, "carillon-1"):
        while not any("loop 1 has not turned" in line for line in running.printed):
            with contextlib.suppress(TimeoutError):
                manager.settimeout(0.2)
                manager.recv(4096)
        # One that was sent before the halt may still be there; none follows.
        rest(manager)
        seen = len(running.printed)
        while len(running.printed) < seen + 3:
            with contextlib.suppress(TimeoutError):
                manager.settimeout(0.2)
                assert b"WATCHDOG" not in manager.recv(4096)
        assert not any("loop 0" in line for line in running.printed)
    manager.settimeout(20)
    assert hear(manager, "WATCHDOG")["WATCHDOG"] == "1"


def test_a_watchdog_for_another_process_is_not_fed(serve, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    running = serve("--dev")
    hear(manager, "READY")
    publish(running.channel("a"), "some time has passed")
    running.process.terminate()
    assert running.process.wait(timeout=30) == 0
    assert not any("WATCHDOG" in said for said in rest(manager))


def listening(where="127.0.0.1") -> socket.socket:
    if where.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.bind(where)
        made.listen()
        return made
    return socket.create_server((where, 0))


@contextlib.contextmanager
def activated(binary: str, sockets: list, *flags: str, names: str = "", process: str = "", wanted=("http",)):
    passed = tuple(one.fileno() for one in sockets)
    numbers = ",".join(str(one) for one in passed)
    with Server(sys.executable, "-c", ACTIVATE, numbers, process, names, binary, "serve", "--dev", *flags,
                wanted=set(wanted), passed=passed) as running:
        yield running


@pytest.mark.parametrize("loops", ["1", "2", "5"])
def test_sockets_of_the_service_manager_are_served_by_all_loops(binary, loops):
    with contextlib.closing(listening()) as plain, contextlib.closing(listening()) as secure:
        with activated(binary, [plain, secure], "--loops", loops, names="web:tls-web", wanted=("http", "https")) as running:
            assert running.address("http")[1] == plain.getsockname()[1]
            assert running.address("https")[1] == secure.getsockname()[1]
            with web() as client:
                for scheme in ("http", "https"):
                    for _ in range(20):
                        answer = client.get(running.channel("a", scheme) + "/messages", headers={"Connection": "close"})
                        assert answer.status_code == 200


def test_who_connects_while_no_process_runs_is_served_by_the_next(binary):
    with contextlib.closing(listening()) as plain:
        for _ in range(2):
            with contextlib.closing(socket.create_connection(plain.getsockname(), timeout=20)) as early:
                early.sendall(b"GET /channels/a/messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                with activated(binary, [plain]) as running:
                    assert early.recv(100).startswith(b"HTTP/1.1 200 ")
                    running.process.terminate()
                    assert running.process.wait(timeout=30) == 0


def test_a_unix_socket_of_the_service_manager_stays_when_the_process_ends(binary, tmp_path):
    path = f"{tmp_path}/gateway"
    with contextlib.closing(listening(path)) as one, contextlib.closing(listening()) as other:
        with activated(binary, [one, other]) as running:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
                client.settimeout(20)
                client.connect(path)
                client.sendall(b"GET /channels/a/messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 200 ")
            running.process.terminate()
            assert running.process.wait(timeout=30) == 0
        assert os.path.exists(path)


def refused(binary: str, one: socket.socket, process: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", ACTIVATE, str(one.fileno()), process, "", binary, "serve", "--api-key", "a-key"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, pass_fds=(one.fileno(),))
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_sockets_for_another_process_are_left_alone(binary):
    with contextlib.closing(listening()) as plain:
        assert "nowhere to listen" in refused(binary, plain, process="1")


def test_what_is_no_listening_socket_is_refused(binary):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with contextlib.closing(socket.socket(socket.AF_INET, kind)) as one:
            assert "descriptor 3" in refused(binary, one)


def test_sockets_of_the_service_manager_pass_on_to_a_successor(serve, binary, tmp_path):
    flags = ["--handover", str(tmp_path / "handover")]
    with contextlib.closing(listening()) as plain:
        with activated(binary, [plain], *flags) as running:
            host, port = running.address()
            following = serve("--dev", *flags, "--listen", f"{host}:{port}")
            assert running.process.wait(timeout=30) == 0
            assert publish(following.channel("a"), "on the same socket")
