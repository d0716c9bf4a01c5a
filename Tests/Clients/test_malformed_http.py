"""Requests that no honest client sends: refused with the status that its RFC names, then the end."""
import random
import re

import pytest

from bare import Bare, frame, handshake, TEXT
from peers import V1, publish

HOST = "Host: localhost\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


def post(headers: str, body: str = "") -> str:
    return f"POST /channels/smuggling HTTP/1.1\r\n{HOST}Content-Type: text/plain\r\n{headers}\r\n{body}"


BAD = {
    # RFC 9112 §6: what a message's length is, must never be open to two readings.
    "two lengths": post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
    "one length twice": post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
    "a list of lengths": post("Content-Length: 5, 5\r\n", "hello"),
    "length and chunked": post("Content-Length: 5\r\n" + CHUNKED, "0\r\n\r\n"),
    "chunked and length": post(CHUNKED + "Content-Length: 5\r\n", "0\r\n\r\n"),
    "length with a plus": post("Content-Length: +5\r\n", "hello"),
    "length with a minus": post("Content-Length: -5\r\n", "hello"),
    "length in hex": post("Content-Length: 0x5\r\n", "hello"),
    "length with a blank": post("Content-Length: 5 5\r\n", "hello"),
    "no length at all": post("Content-Length:\r\n", "hello"),
    "length beyond 64 bits": post("Content-Length: 99999999999999999999999\r\n", "hello"),
    "length that wraps to 5": post("Content-Length: 18446744073709551621\r\n", "hello"),
    "identity": post("Transfer-Encoding: identity\r\n", "hello"),
    "chunked, then identity": post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    "chunked twice": post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
    "chunked in two headers": post(CHUNKED + CHUNKED, "0\r\n\r\n"),
    "xchunked": post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    "quoted chunked": post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"),
    "an unknown coding": post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    "no coding": post("Transfer-Encoding:\r\n", "0\r\n\r\n"),
    "chunked in HTTP/1.0": post(CHUNKED, "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"),
    "vertical tab before chunked": post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
    # RFC 9112 §7.1
    "a chunk size that is no number": post(CHUNKED, "zz\r\nhello\r\n0\r\n\r\n"),
    "a negative chunk size": post(CHUNKED, "-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size with 0x": post(CHUNKED, "0x5\r\nhello\r\n0\r\n\r\n"),
    "an empty chunk size": post(CHUNKED, "\r\nhello\r\n0\r\n\r\n"),
    "a blank before a chunk size": post(CHUNKED, " 5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": post(CHUNKED, "1" + "0" * 16 + "5\r\nhello\r\n0\r\n\r\n"),
    "a chunk longer than its size": post(CHUNKED, "5\r\nhello!\r\n0\r\n\r\n"),
    "a chunk size line with a bare LF": post(CHUNKED, "5\nhello\r\n0\r\n\r\n"),
    "chunk data with a bare LF": post(CHUNKED, "5\r\nhello\n0\r\n\r\n"),
    "a bare CR in a chunk extension": post(CHUNKED, "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "an endless chunk extension": post(CHUNKED, "5;" + "a" * 100000 + "\r\nhello\r\n0\r\n\r\n"),
    # RFC 9112 §5 and RFC 9110 §5
    "a blank before the colon": post("Content-Length : 5\r\n", "hello"),
    "a tab before the colon": post("Content-Length\t: 5\r\n", "hello"),
    "a folded line": post("X-Fold: a\r\n b\r\nContent-Length: 5\r\n", "hello"),
    "a folded first line": f"GET / HTTP/1.1\r\n X: y\r\n{HOST}\r\n",
    "a header with a bare LF": post("X: y\nContent-Length: 5\r\n", "hello"),
    "a head that ends with bare LFs": f"GET / HTTP/1.1\nHost: localhost\n\n",
    "a bare CR in a value": post("X: a\rb\r\nContent-Length: 5\r\n", "hello"),
    "NUL in a value": post("X: a\0b\r\nContent-Length: 5\r\n", "hello"),
    "NUL in a name": post("X\0: a\r\nContent-Length: 5\r\n", "hello"),
    "a header without a colon": post("Nonsense\r\nContent-Length: 5\r\n", "hello"),
    "a header without a name": post(": 5\r\nContent-Length: 5\r\n", "hello"),
    "a name with brackets": post("X(y): 5\r\nContent-Length: 5\r\n", "hello"),
    "a name beyond ASCII": post("Ünï: 5\r\nContent-Length: 5\r\n", "hello"),
    # RFC 9112 §3
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "two Hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a Host that is none": "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n",
    "two blanks": f"GET  / HTTP/1.1\r\n{HOST}\r\n",
    "no version": f"GET /\r\n{HOST}\r\n",
    "a version in lower case": f"GET / http/1.1\r\n{HOST}\r\n",
    "another protocol": f"GET / HTTQ/1.1\r\n{HOST}\r\n",
    "HTTP/2.0": f"GET / HTTP/2.0\r\n{HOST}\r\n",
    "HTTP/1.10": f"GET / HTTP/1.10\r\n{HOST}\r\n",
    "the HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a blank in front": f" GET / HTTP/1.1\r\n{HOST}\r\n",
    "a tab between": f"GET\t/\tHTTP/1.1\r\n{HOST}\r\n",
    "a control in the target": f"GET /\x01 HTTP/1.1\r\n{HOST}\r\n",
    "a method that is none": f"G@T / HTTP/1.1\r\n{HOST}\r\n",
    "a target without a slash": f"GET channels HTTP/1.1\r\n{HOST}\r\n",
    "binary": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 64 + "\r\n\r\n",
    "an endless request line": "GET /" + "a" * 200000 + f" HTTP/1.1\r\n{HOST}\r\n",
    "an endless header": f"GET / HTTP/1.1\r\n{HOST}X: " + "a" * 200000 + "\r\n\r\n",
    "headers without end": f"GET / HTTP/1.1\r\n{HOST}" + "X: y\r\n" * 20000 + "\r\n",
}
STATUS = {
    "an unknown coding": {400, 501}, "xchunked": {400, 501}, "identity": {400, 501}, "quoted chunked": {400, 501},
    "chunked, then identity": {400, 501}, "no coding": {400, 501},
    "length beyond 64 bits": {400, 413}, "length that wraps to 5": {400, 413}, "a chunk size beyond 64 bits": {400, 413},
    "HTTP/2.0": {400, 505}, "the HTTP/2 preface": {400, 505}, "HTTP/1.10": {400, 505},
    "an endless request line": {400, 414, 431}, "an endless header": {400, 431}, "headers without end": {400, 431},
    "an endless chunk extension": {400, 413, 431}, "a method that is none": {400, 405, 501},
}


@pytest.fixture
def witness(server, channel):
    """Somebody else's connection, which must not notice."""
    with V1(server.url("/connect", "ws"), channel) as one:
        yield one
        identifier = publish(server.channel(channel), "unharmed")
        assert one.next() == (identifier, "unharmed")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", BAD)
def test_a_malformed_request_is_refused_once_and_the_connection_closed(server, witness, name, scheme):
    with V1(server.url("/connect", "ws"), "smuggling") as listener, Bare(server, scheme) as one:
        # What a smuggler hopes to have read as a second request.
        one.send(BAD[name].encode("utf-8" if "ASCII" in name else "latin-1"))
        one.send(b"POST /channels/smuggling HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                 b"Content-Length: 8\r\n\r\nsmuggled")
        said = one.to_the_end()
        assert len(re.findall(rb"HTTP/1\.1 \d{3} ", said)) == 1, said[:500]
        assert int(said.split(b" ")[1]) in STATUS.get(name, {400}), said[:200]
        publish(server.channel("smuggling"), "the end")
        assert listener.next()[1] == "the end"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_random_bytes_harm_nobody(server, witness, scheme):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    sound = [post("Content-Length: 5\r\n", "hello").encode(), handshake("/channels/random") + frame(TEXT, b"x"),
             post(CHUNKED, "5\r\nhello\r\n0\r\n\r\n").encode()]
    for _ in range(150):
        data = bytearray(dice.choice(sound))
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data))
            match dice.randrange(3):
                case 0: data[place] = dice.randrange(256)
                case 1: del data[place]
                case 2: data.insert(place, dice.choice(b"\r\n\0 :;,\xff0"))
        with Bare(server, scheme) as one:
            one.send(bytes(data))


@pytest.mark.parametrize("body, expected", [
    ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", "hello world"),
    ("A\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n", "0123456789"), ("00005\r\nhello\r\n000\r\n\r\n", "hello"),
    ("0\r\n\r\n", ""),
], ids=["one chunk", "extension", "trailer", "leading zeros", "empty"])
def test_a_sound_chunked_body_is_read_at_every_split(server, channel, body, expected):
    whole = (f"POST /channels/{channel} HTTP/1.1\r\n{HOST}Content-Type: text/plain\r\n{CHUNKED}\r\n{body}").encode()
    with V1(server.url("/connect", "ws"), channel) as listener, Bare(server) as one:
        for cut in range(len(whole) - len(body), len(whole)):
            one.send(whole[:cut])
            one.send(whole[cut:])
            assert one.response()[0] == 200
            assert listener.next()[1] == expected


def test_empty_lines_before_a_request_are_skipped(server, channel):
    with Bare(server) as one:
        one.send(b"\r\n\r\n" + f"GET /channels/{channel}?timeout=1 HTTP/1.1\r\n{HOST}\r\n".encode())
        assert one.response()[0] == 204


def test_pipelined_requests_are_answered_in_order(server, channel):
    with Bare(server) as one:
        one.send(b"".join(
            f"POST /channels/{channel} HTTP/1.1\r\n{HOST}Content-Type: text/plain\r\nContent-Length: 1\r\n\r\n{n}"
            .encode() for n in range(5)) + f"GET /channels/{channel}/messages HTTP/1.1\r\n{HOST}\r\n".encode())
        ids = [one.response()[2] for _ in range(5)]
        status, _, body = one.response()
    assert len(set(ids)) == 5 and status == 200
    assert body.count(b'"id"') == 5


def test_a_client_that_says_close_is_closed(server, channel):
    with Bare(server) as one:
        one.send(f"GET /channels/{channel}?timeout=1 HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())
        assert one.to_the_end().startswith(b"HTTP/1.1 204")


def test_a_client_of_http_1_0_is_answered_and_closed(server, channel):
    with Bare(server) as one:
        one.send(f"GET /channels/{channel}/messages HTTP/1.0\r\n\r\n".encode())
        assert b" 200 " in one.to_the_end().split(b"\r\n")[0]
