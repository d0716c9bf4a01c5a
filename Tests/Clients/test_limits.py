"""What happens at the limits of connections, rates and memory: so many are taken, one more is told."""
import json
import socket
import struct

import pytest

from bare import BINARY, Bare, WebSocket, frame, handshake
from peers import SECONDS, trusting

GET = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"


class From(Bare):
    """A connection from an address of this machine's own choice: all of 127/8 is its own."""

    def __init__(self, server, address: str, scheme: str = "http"):
        self.host, port = server.address(scheme)
        self.socket = socket.create_connection((self.host, port), timeout=SECONDS, source_address=(address, 0))
        self.rest = b""
        if scheme == "https":
            self.socket = trusting().wrap_socket(self.socket, server_hostname="localhost")


def ask(client: Bare, request: bytes = GET) -> int:
    client.send(request)
    return client.response()[0]


def refused(client: Bare, status: int, limit: int, value: int) -> None:
    """The client is told so in answer to its first request, and the connection ends."""
    client.send(GET)
    got, headers, body = client.response()
    problem = json.loads(body)
    assert (got, problem["status"], problem["limit"], problem["value"]) == (status, status, limit, value), problem
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) >= 1
    assert client.to_the_end() == b""
    client.close()


@pytest.mark.parametrize("loops", ["1", "3"])
def test_connections_in_all_are_counted_over_all_loops(serve, loops):
    running = serve("--dev", "--connections-max", "5", "--loops", loops)
    clients = [Bare(running) for _ in range(5)]
    assert [ask(client) for client in clients] == [404] * 5
    for _ in range(3):
        refused(Bare(running), 503, 5, 6)
    # One that closes makes room. That its end is seen is known once the answer is another one.
    clients.pop().close()
    for _ in range(1000):
        with Bare(running) as again:
            if ask(again) == 404:
                break
    else:
        raise AssertionError("the place of a connection that closed was not given to another")
    assert [ask(client) for client in clients] == [404] * 4


@pytest.mark.parametrize("loops", ["1", "3"])
def test_connections_of_one_address_are_counted_over_all_loops(serve, loops):
    running = serve("--dev", "--connections-per-address", "3", "--loops", loops)
    for address in ("127.0.0.1", "127.0.0.2", "127.9.9.9"):
        clients = [From(running, address) for _ in range(3)]
        assert [ask(client) for client in clients] == [404] * 3
        refused(From(running, address), 429, 3, 4)
        assert [ask(client) for client in clients] == [404] * 3


def test_a_connection_over_its_address_limit_is_closed_under_tls_before_the_handshake(serve):
    running = serve("--dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
                    "--connections-per-address", "1")
    with From(running, "127.0.0.3", "https") as first:
        assert ask(first) == 404
        with pytest.raises(OSError):
            From(running, "127.0.0.3", "https")
        with From(running, "127.0.0.4", "https") as other:
            assert ask(other) == 404


def test_unix_sockets_are_of_no_address(serve, tmp_path):
    path = tmp_path / "gateway"
    serve("--dev", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}", "--connections-per-address", "1")
    clients = []
    for _ in range(3):
        client = Bare.__new__(Bare)
        client.socket, client.rest = socket.socket(socket.AF_UNIX), b""
        client.socket.settimeout(SECONDS)
        client.socket.connect(str(path))
        clients.append(client)
    assert [ask(client) for client in clients] == [404] * 3


def test_connects_of_one_address_are_metered(serve):
    # So few a second that none comes back while the test runs is not to be had: but of twenty in a row, at most ten
    # and those that came back meanwhile are taken, and whoever is not is told when to come again.
    running = serve("--dev", "--connects-per-second", "1")
    assert ask(From(running, "127.0.0.5")) == 404
    answers = []
    for _ in range(20):
        with From(running, "127.0.0.5") as client:
            client.send(GET)
            status, headers, body = client.response()
            answers.append(status)
            if status == 429:
                assert headers["retry-after"] == "1" and json.loads(body)["limit"] == 1
    assert set(answers) <= {404, 429} and 429 in answers
    assert ask(From(running, "127.0.0.6")) == 404


def post(body: bytes, fields: bytes = b"") -> bytes:
    return b"POST /channels/a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), fields, body)


def test_publishes_of_one_connection_are_metered(serve):
    running = serve("--dev", "--publishes-per-second", "50", "--api-key", "k")
    with Bare(running) as client:
        # One segment, one read: no time passes between them.
        client.send(post(b"x") * 51)
        assert [client.response()[0] for _ in range(50)] == [200] * 50
        status, headers, body = client.response()
        assert (status, headers["retry-after"], json.loads(body)["limit"]) == (429, "1", 50)
    with Bare(running) as other:
        other.send(post(b"x", b"Authorization: Bearer k\r\n") * 51)
        assert [other.response()[0] for _ in range(51)] == [200] * 51


def test_a_raw_websocket_that_publishes_too_often_is_closed_with_1008(serve):
    running = serve("--dev", "--publishes-per-second", "50")
    with WebSocket(running, "/channels/a") as client:
        client.send(frame(BINARY, b"x") * 51)
        for _ in range(50):
            assert client.frame() == (0x80 | BINARY, b"x")
        payload = client.close_frame()
        assert struct.unpack("!H", payload[:2])[0] == 1008 and b"50" in payload


def test_commands_are_metered(serve):
    running = serve("--dev", "--commands-per-second", "50")
    with WebSocket(running, "/connect", **{"Sec-WebSocket-Protocol": "carillon.v1"}) as client:
        client.send(frame(1, b'{"op":"ping","ref":1}') * 51)
        for _ in range(50):
            assert json.loads(client.frame()[1]) == {"ok": 1}
        error = json.loads(client.frame()[1])["error"]
        assert (error["code"], error["limit"], error["value"]) == ("rate", 50, 51)


def test_unfinished_input_has_a_ceiling_and_comes_back(serve):
    """Bodies that do not end are held up to the ceiling; what is whole in one read goes on."""
    running = serve("--dev", "--loops", "1", "--message-bytes-max", "256K", "--inbound-bytes-total", "1M")
    part = b"POST /channels/a HTTP/1.1\r\nHost: a\r\nContent-Length: 250000\r\n\r\n" + b"x" * 200_000
    for _ in range(2):
        clients = [Bare(running) for _ in range(6)]
        for client in clients:
            client.send(part)
        answered = []
        for client in clients:
            client.socket.settimeout(0.5)
            try:
                status, headers, body = client.response()
            except TimeoutError:
                continue
            problem = json.loads(body)
            assert (status, problem["limit"]) == (503, 1 << 20) and problem["value"] > 1 << 20
            assert headers["retry-after"] == "5" and client.to_the_end() == b""
            answered.append(client)
        assert len(answered) == 1, "five times 200,000 bytes fit into a MiB, six times do not"
        with Bare(running) as whole:
            assert ask(whole, post(b"y" * 1000)) == 200
        # Those that were taken are taken whole.
        for client in clients:
            if client not in answered:
                client.socket.settimeout(SECONDS)
                client.send(b"x" * 50_000)
                assert client.response()[0] == 200
            client.close()


def test_an_unfinished_websocket_message_over_the_ceiling_is_closed_with_1013(serve):
    running = serve("--dev", "--loops", "1", "--message-bytes-max", "256K", "--inbound-bytes-total", "512K")
    sockets = [WebSocket(running, "/channels/a") for _ in range(3)]
    for client in sockets:
        client.send(frame(BINARY, b"x" * 200_000, fin=False))
        # What was sent before has been read when this is answered; a close is an answer, too.
        client.send(frame(9, b"?"))
    answers = [client.frame() for client in sockets]
    # The one that was too much may have been answered and closed in one turn.
    for index, client in enumerate(sockets):
        if answers[index][0] == 0x8A:
            client.send(frame(9, b"?"))
            answers[index] = client.frame()
    closed = [payload for first, payload in answers if first == 0x88]
    assert len(closed) == 1, answers
    assert struct.unpack("!H", closed[0][:2])[0] == 1013 and b"524288" in closed[0]


def test_one_ceiling_for_memory_is_divided_and_checked(serve, binary):
    from test_listeners import refused as start_refused
    running = serve("--dev", "--loops", "1", "--memory-max", "64M")
    with Bare(running) as client:
        assert ask(client, post(b"x")) == 200
    assert "--memory-max" in start_refused(binary, "--dev", "--listen", "127.0.0.1:0", "--memory-max", "1M")
    assert "--memory-max" in start_refused(
        binary, "--dev", "--listen", "127.0.0.1:0", "--memory-max", "64M", "--inbound-bytes-total", "65M")


def test_many_commands_sent_at_once_are_all_answered_in_order(serve):
    """More than one turn takes, from a client that does not read until all are sent."""
    running = serve("--dev", "--loops", "2")
    with WebSocket(running, "/connect", **{"Sec-WebSocket-Protocol": "carillon.v1"}) as client:
        for first in range(0, 20_000, 500):
            client.send(b"".join(
                frame(1, b'{"op":"ping","ref":%d}' % number) for number in range(first, first + 500)))
        for number in range(20_000):
            assert client.frame()[1] == b'{"ok":%d}' % number


def test_a_handshake_over_the_connection_limit_is_told_so_too(serve):
    running = serve("--dev", "--connections-max", "1")
    with WebSocket(running, "/channels/a"):
        with Bare(running) as second:
            second.send(handshake("/channels/a"))
            assert second.response()[0] == 503
