"""One gateway after the other: handover of the listening sockets, what clients see of it, and hostile peers."""
import array
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat

import subprocess
import sys
import tempfile
import threading

import pytest
from websockets.exceptions import ConnectionClosed

from bare import Bare
from peers import KINDS_WITH_IDS, ServerSentEvents, publish, subscriber, trusting

REQUEST = b"GET /channels/a/messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def ask_and_begin(client: Bare, beginning: bytes) -> None:
    """A request, and behind it in the same segment the beginning of another: once the first is answered, both are read."""
    client.send(REQUEST.replace(b"Connection: close\r\n", b"") + beginning)
    assert client.response()[0] == 200


class Knocking:
    """Clients that connect, ask and hang up without pause, at most `bound` times each; `failures` says what went wrong."""

    def __init__(self, address, bound: int = 5000, tls: bool = False, threads: int = 3):
        self.address, self.bound, self.tls = address, bound, tls
        self.done, self.answered, self.failures = threading.Event(), 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._knock) for _ in range(threads)]

    def __enter__(self) -> "Knocking":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Until so many more have been answered."""
        with self.lock:
            target = self.answered + more
        waited = threading.Event()
        for _ in range(2000):
            if self.answered >= target or self.failures:
                return
            waited.wait(0.01)
        raise AssertionError(f"{self.answered} of {target} answered")

    def _knock(self) -> None:
        for _ in range(self.bound):
            if self.done.is_set():
                return
            try:
                answer = self._ask()
                assert answer.startswith(b"HTTP/1.1 200 "), answer
                with self.lock:
                    self.answered += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))

    def _ask(self) -> bytes:
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as one:
            one.settimeout(20)
            one.connect(self.address)
            if self.tls:
                one = trusting().wrap_socket(one)
            one.sendall(REQUEST)
            answer = b""
            while data := one.recv(65536):
                answer += data
            return answer


@pytest.mark.parametrize("loops", [("2", "2", "2", "2"), ("1", "3", "2", "1")], ids=["alike", "more and fewer"])
@pytest.mark.parametrize("kind", ["tcp", "tls", "unix"])
def test_three_takeovers_fail_no_connection_attempt(serve, tmp_path, kind, loops):
    listen = {"tcp": ["--listen", "127.0.0.1:0"], "tls": ["--tls-listen", "127.0.0.1:0"],
              "unix": ["--listen", "127.0.0.1:0", "--listen", f"unix:{tmp_path}/gateway"]}[kind]
    flags = ["--dev", "--handover", str(tmp_path / "handover"), *listen]
    running = serve(*flags, "--loops", loops[0])
    scheme = "https" if kind == "tls" else "http"
    where = running.address(scheme)
    with Knocking(f"{tmp_path}/gateway" if kind == "unix" else where, tls=kind == "tls") as clients:
        clients.wait_for(30)
        for number in loops[1:]:
            following = serve(*flags, "--loops", number)
            assert following.address(scheme) == where
            assert any("aken over" in line for line in following.printed)
            assert running.process.wait(timeout=30) == 0
            running = following
            clients.wait_for(30)
    assert clients.failures == []
    assert clients.answered >= 120
    if kind == "unix":
        running.process.terminate()
        assert running.process.wait(timeout=30) == 0
        assert not os.path.exists(f"{tmp_path}/gateway")


@pytest.mark.parametrize("kind", KINDS_WITH_IDS)
def test_a_subscriber_is_sent_away_and_told_of_the_gap_when_it_resumes(serve, tmp_path, kind):
    """Without durable history the successor has another epoch: what was published to the other can't be had there."""
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0"]
    running = serve(*flags)
    one = subscriber(kind, running, "a")
    last = publish(running.channel("a"), "before")
    assert one.next()[1] == "before"
    following = serve(*flags)
    with contextlib.closing(one):
        if kind == "v1":
            with pytest.raises(ConnectionClosed) as closed:
                notice = one.receive()
                wait = notice["restarting"]["retry"]
                assert 1000 <= wait < 5000
                one.receive()
            assert closed.value.rcvd.code == 1012
            assert closed.value.rcvd.reason == f"restarting; retry={wait}"
        elif kind in ("sse", "stream"):
            with pytest.raises(EOFError):
                one.next()
    assert running.process.wait(timeout=30) == 0
    publish(following.channel("a"), "after")
    with contextlib.closing(subscriber(kind, following, "a", after=last)) as again:
        assert again.next()[1] == "after"
        assert again.gap


def test_who_polls_is_answered_with_its_tag_and_asked_to_connect_anew(serve, tmp_path):
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0"]
    running = serve(*flags)
    with Bare(running) as waiting:
        ask_and_begin(waiting, b"GET /channels/a HTTP/1.1\r\nHost: a\r\n\r\n")
        serve(*flags)
        status, headers, _ = waiting.response()
        assert status == 204
        assert headers["connection"] == "close"
        assert re.fullmatch('"[0-9a-z]+-[0-9]+"', headers["etag"])
        assert waiting.to_the_end() == b""
    assert running.process.wait(timeout=30) == 0


def test_half_a_request_is_answered_by_the_one_that_got_it(serve, tmp_path):
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0"]
    running = serve(*flags)
    with Bare(running) as half:
        ask_and_begin(half, b"POST /channels/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhe")
        serve(*flags)
        half.send(b"re")
        status, headers, body = half.response()
        # Its loop may not have heard yet that it drains; then the connection ends after the answer all the same.
        assert status == 200 and headers.get("connection") in (None, "close")
        assert json.loads(body)["id"]
        assert half.to_the_end() == b""
    assert running.process.wait(timeout=30) == 0


def test_an_address_that_is_no_longer_wanted_is_given_up_and_a_new_one_is_bound(serve, tmp_path):
    handover = ["--dev", "--handover", str(tmp_path / "handover")]
    running = serve(*handover, "--listen", "127.0.0.1:0", "--listen", f"unix:{tmp_path}/old")
    following = serve(*handover, "--listen", "127.0.0.1:0", "--listen", f"unix:{tmp_path}/new")
    assert running.process.wait(timeout=30) == 0
    assert following.address() == running.address()
    for name, expected in (("old", False), ("new", True)):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
            one.settimeout(20)
            assert (one.connect_ex(f"{tmp_path}/{name}") == 0) == expected


def test_an_address_of_the_other_kind_is_not_taken(serve, binary, tmp_path):
    handover = ["--dev", "--handover", str(tmp_path / "handover")]
    running = serve(*handover, "--listen", "127.0.0.1:0")
    host, port = running.address()
    done = subprocess.run([binary, "serve", *handover, "--tls-listen", f"{host}:{port}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and f"{host}:{port}" in done.stderr
    assert publish(running.channel("a"), "the first one goes on")


def test_a_gateway_killed_without_a_word_leaves_a_path_that_the_next_one_uses(serve, tmp_path):
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0"]
    serve(*flags).stop()
    assert (tmp_path / "handover").exists()
    following = serve(*flags)
    assert not any("aken over" in line for line in following.printed)
    assert stat.S_IMODE((tmp_path / "handover").stat().st_mode) == 0o600
    following.process.terminate()
    assert following.process.wait(timeout=30) == 0
    assert not (tmp_path / "handover").exists()


def test_a_path_that_cannot_be_had_is_named(binary, tmp_path):
    (tmp_path / "file").write_text("not a socket")
    for path in (tmp_path / "file", tmp_path / "nowhere" / "handover"):
        done = subprocess.run(
            [binary, "serve", "--dev", "--listen", "127.0.0.1:0", "--handover", str(path)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and str(path) in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert (tmp_path / "file").read_text() == "not a socket"


@contextlib.contextmanager
def packets(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as one:
        one.settimeout(20)
        one.connect(str(path))
        yield one


def receive(one: socket.socket) -> tuple[bytes, list[int]]:
    data, control, _, _ = one.recvmsg(2048, socket.CMSG_SPACE(4 * 8))
    descriptors = array.array("i")
    for level, kind, content in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content)
    return data, list(descriptors)


def offered(one: socket.socket) -> int:
    """Takes the sockets offered, and closes them."""
    count = 0
    while True:
        data, descriptors = receive(one)
        for descriptor in descriptors:
            os.close(descriptor)
        if data == b"end %d" % count:
            return count
        assert data.startswith(b"socket plain ours 127.0.0.1:0") and len(descriptors) == 1
        count += 1


NULL = os.open(os.devnull, os.O_RDONLY)


@pytest.mark.parametrize("words", [
    [], [b"carillon-handover 2"], [b"carillon-handover 1 "], [b"\xff\xfe"], [b"x" * 5000], [b"serving"],
    [b"carillon-handover 1", b"draining"], [b"carillon-handover 1", b"serving "], [b"carillon-handover 1", b"x" * 5000],
    [b"carillon-handover 1"],
], ids=lambda words: repr(words)[:50])
def test_who_speaks_out_of_turn_changes_nothing(serve, tmp_path, words):
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0", "--loops", "2"]
    running = serve(*flags)
    with packets(tmp_path / "handover") as one:
        for number, word in enumerate(words):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                one.send(word)
                if number == 0 and word == b"carillon-handover 1":
                    assert offered(one) == 2
    assert publish(running.channel("a"), "still there")
    following = serve(*flags)
    assert running.process.wait(timeout=30) == 0
    assert publish(following.channel("a"), "taken over all the same")


def test_descriptors_that_nobody_asked_for_are_closed(serve, tmp_path):
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0"]
    running = serve(*flags)

    def held() -> int:
        return len(os.listdir(f"/proc/{running.process.pid}/fd"))

    publish(running.channel("a"), "all is set up")
    with packets(tmp_path / "handover") as one:
        one.send(b"carillon-handover 3")
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(100) == b""
    before = held()
    for count in (1, 2, 50):
        for _ in range(20):
            with packets(tmp_path / "handover") as one:
                rights = array.array("i", [NULL] * count)
                one.sendmsg([b"carillon-handover 1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                with contextlib.suppress(ConnectionResetError):
                    assert one.recv(100) == b""
    assert held() <= before


@contextlib.contextmanager
def impostor(path, words: list[tuple[bytes, list[int]]]):
    """Listens where a gateway would, and says `words` to whoever says hello."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(20)

        def answer() -> None:
            one, _ = listening.accept()
            with contextlib.closing(one):
                assert one.recv(100) == b"carillon-handover 1"
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    for word, descriptors in words:
                        rights = array.array("i", descriptors)
                        one.sendmsg([word], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else [])

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join()


@pytest.mark.parametrize("words", [
    [], [(b"hello", [])], [(b"end 1", [])], [(b"socket plain ours 127.0.0.1:0", [])],
    [(b"socket plain ours 127.0.0.1:0", [NULL]), (b"end 1", [])],
    [(b"socket plain ours 127.0.0.1:0", [NULL, NULL])], [(b"end 0", [NULL])], [(b"x" * 3000, [])],
], ids=lambda words: repr(words)[:50])
def test_a_predecessor_that_is_none_is_refused_in_a_sentence(binary, tmp_path, words):
    path = tmp_path / "handover"
    with impostor(path, words):
        done = subprocess.run(
            [binary, "serve", "--dev", "--listen", "127.0.0.1:0", "--handover", str(path)], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=40)
    assert done.returncode == 2 and str(path) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_successor_that_dies_before_it_serves_leaves_all_as_it_was(serve, tmp_path):
    path = tmp_path / "gateway"
    flags = ["--dev", "--handover", str(tmp_path / "handover"), "--listen", "127.0.0.1:0", "--listen", f"unix:{path}"]
    running = serve(*flags)
    with packets(tmp_path / "handover") as one:
        one.send(b"carillon-handover 1")
        while not receive(one)[0].startswith(b"end "):
            pass
    assert publish(running.channel("a"), "still there")
    # The file, too, is its own again.
    running.process.terminate()
    assert running.process.wait(timeout=30) == 0
    assert not path.exists()


AS_NOBODY = """
import socket, sys
one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
one.settimeout(20)
if sys.argv[1] == "ask":
    one.connect(sys.argv[2])
    try:
        one.send(b"carillon-handover 1")
        print(one.recv(100))
    except ConnectionError:
        print(b"")
else:
    one.bind(sys.argv[2])
    one.listen()
    print("listening", flush=True)
    try:
        print(one.accept()[0].recv(100))
    except ConnectionError:
        print(b"")
"""


@pytest.fixture
def meeting():
    """A directory that every user may use."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield pathlib.Path(name) / "handover"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_gets_no_socket_even_if_the_file_lets_it_in(serve, meeting):
    flags = ["--dev", "--handover", str(meeting), "--listen", "127.0.0.1:0"]
    running = serve(*flags)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, "ask", str(meeting)], user=65534, capture_output=True,
                          text=True, timeout=30)
    assert "PermissionError" in done.stderr
    os.chmod(meeting, 0o666)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, "ask", str(meeting)], user=65534, capture_output=True,
                          text=True, timeout=30)
    assert done.stdout == "b''\n", done.stderr
    serve(*flags)
    assert running.process.wait(timeout=30) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_sockets_of_another_user_are_not_taken(binary, meeting):
    with subprocess.Popen([sys.executable, "-c", AS_NOBODY, "listen", str(meeting)], user=65534,
                          stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "listening\n"
        done = subprocess.run([binary, "serve", "--dev", "--listen", "127.0.0.1:0", "--handover", str(meeting)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and "another user" in done.stderr
        assert other.stdout.read() == "b''\n"


def until_refused(address) -> None:
    for _ in range(1000):
        with contextlib.closing(socket.socket()) as one:
            one.settimeout(20)
            if one.connect_ex(address) != 0:
                return
    raise AssertionError("a gateway that drains has gone on to listen")


@pytest.mark.parametrize("handover", [False, True])
def test_a_loop_without_connections_still_tells_the_others_what_its_channels_keep(serve, tmp_path, handover):
    running = serve("--dev", "--loops", "4", *(["--handover", str(tmp_path / "handover")] if handover else []))
    names = [f"c{number}" for number in range(8)]
    for name in names:
        publish(running.channel(name), name)
    with contextlib.ExitStack() as open_ones:
        clients = [open_ones.enter_context(Bare(running)) for _ in names]
        for client, name in zip(clients, names):
            ask_and_begin(client, f"GET /channels/{name}/messages HTTP/1.1\r\nHost: a\r\n".encode())
        running.process.send_signal(signal.SIGTERM)
        until_refused(running.address())
        # One loop after the other has nobody left to send away.
        for client, name in zip(clients, names):
            client.send(b"\r\n")
            status, headers, body = client.response()
            assert status == 200 and headers["connection"] == "close"
            assert [message["data"] for message in json.loads(body)["messages"]] == [name]
            assert client.to_the_end() == b""
            client.socket.close()
    assert running.process.wait(timeout=30) == 0


def test_two_may_listen_on_one_port_if_both_are_told_so(serve):
    running = serve("--dev", "--listen", "127.0.0.1:0", "--reuse-port")
    host, port = running.address()
    beside = serve("--dev", "--listen", f"{host}:{port}", "--reuse-port")
    assert publish(beside.channel("a"), "one or the other")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=30) == 0
    assert publish(beside.channel("a"), "the other")


def test_a_few_clients_are_sent_away_at_once_and_many_over_the_time(serve):
    """The rate is tested without a clock in HubTests; here, that the program ends as soon as nobody is left."""
    running = serve("--dev", "--drain-seconds", "3600")
    readers = [ServerSentEvents(running.channel("a")) for _ in range(5)]
    running.process.send_signal(signal.SIGTERM)
    for reader in readers:
        with pytest.raises(EOFError):
            reader.next()
        reader.close()
    assert running.process.wait(timeout=30) == 0
