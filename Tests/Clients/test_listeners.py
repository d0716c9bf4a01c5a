"""Where the gateway listens, with how many loops, and what it says when it can't."""
import socket
import subprocess

import pytest

from peers import KINDS, ServerSentEvents, curl, publish, subscriber, web


def refused(binary: str, *flags: str, environment: dict | None = None) -> str:
    """A start-up failure: one sentence on standard error, exit code 2."""
    done = subprocess.run([binary, "serve", *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, env=environment)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_a_start_without_a_key_is_refused_with_the_remedy(binary, monkeypatch):
    monkeypatch.delenv("CARILLON_API_KEY", raising=False)
    assert "--api-key" in refused(binary, "--listen", "127.0.0.1:0")


def test_a_start_without_an_address_is_refused_with_the_remedy(binary):
    assert "127.0.0.1:" in refused(binary, "--api-key", "a-key")


def test_a_taken_port_is_named(serve, binary):
    host, port = serve("--dev").address()
    assert f"{host}:{port}" in refused(binary, "--dev", "--listen", f"{host}:{port}")


def test_a_taken_port_among_free_ones_stops_the_start(serve, binary):
    host, port = serve("--dev").address()
    assert str(port) in refused(binary, "--dev", "--listen", "127.0.0.1:0", "--tls-listen", f"{host}:{port}")


@pytest.mark.parametrize("flags", [
    ("--tls-cert", "/nonexistent/chain.pem", "--tls-key", "/nonexistent/key.pem"),
    ("--tls-cert", "/etc/passwd", "--tls-key", "/etc/passwd"),
    ("--tls-cert", "/nonexistent/chain.pem"),
], ids=["missing", "no certificate", "no key"])
def test_a_certificate_that_cannot_be_used_is_named(binary, flags):
    said = refused(binary, "--dev", "--tls-listen", "127.0.0.1:0", *flags)
    assert flags[1] in said or "--tls-key" in said


def test_tls_without_a_certificate_is_refused_with_the_remedy(binary):
    assert "certificate" in refused(binary, "--api-key", "a-key", "--tls-listen", "127.0.0.1:0")


def test_a_unix_socket_serves_as_an_address_does(serve, binary, tmp_path):
    path = tmp_path / "gateway"
    running = serve("--dev", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    with ServerSentEvents(running.channel("a")) as reader:
        answer = curl("--unix-socket", str(path), "-d", "over the socket", "-H", "Content-Type: text/plain",
                      "http://localhost/channels/a")
        identifier, data = reader.next()
        assert data == "over the socket" and identifier.encode() in answer
    assert b'"over the socket"' in curl("--unix-socket", str(path), "http://localhost/channels/a?after=first")
    done = subprocess.run([binary, "subscribe", f"http+unix:{path}:/channels/a", "--after", "first", "--count", "1",
                           "--timeout", "20"], capture_output=True, text=True, timeout=30)
    assert done.stdout == "over the socket\n", done.stderr
    running.process.terminate()
    assert running.process.wait(timeout=30) == 0
    assert not path.exists(), "the socket's file outlived the gateway"


def test_a_unix_socket_left_behind_by_a_killed_gateway_is_taken_over(serve, tmp_path):
    path = tmp_path / "gateway"
    serve("--dev", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}").stop()
    assert path.exists()
    serve("--dev", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    assert b'"id"' in curl("--unix-socket", str(path), "-d", "hello", "http://localhost/channels/a")


def test_a_unix_socket_in_use_is_left_to_its_gateway(serve, binary, tmp_path):
    path = tmp_path / "gateway"
    serve("--dev", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    assert str(path) in refused(binary, "--dev", "--listen", f"unix:{path}")
    assert b'"id"' in curl("--unix-socket", str(path), "-d", "hello", "http://localhost/channels/a")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
@pytest.mark.parametrize("kind", KINDS)
def test_ipv6_serves_every_transport(serve, kind):
    running = serve("--dev", "--listen", "[::1]:0")
    assert running.address()[0] == "::1"
    with subscriber(kind, running, "a") as one:
        publish(running.channel("a"), "over six")
        assert one.next()[1] == "over six"


@pytest.mark.parametrize("loops", ["1", "4"])
@pytest.mark.parametrize("kind", KINDS)
def test_however_many_loops_there_are_all_clients_hear_all(serve, loops, kind):
    running = serve("--dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--loops", loops)
    readers = [subscriber(kind, running, "a", scheme) for scheme in ("http", "https") for _ in range(6)]
    with web() as one, web() as other:
        for number in range(20):
            client = (one, other)[number % 2]
            client.post(running.channel("a", ("http", "https")[number % 2]), content=str(number),
                        headers={"Content-Type": "text/plain"})
    for reader in readers:
        assert [data for _, data in reader.take(20)] == [str(number) for number in range(20)]
        reader.close()
