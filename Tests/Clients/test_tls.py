"""https and wss: what is negotiated, and what is done with things that are no TLS."""
import os
import random
import socket
import ssl

import pytest

from bare import Bare
from peers import SECONDS, V1, publish, trusting


@pytest.fixture
def witness(server, channel):
    """Somebody else's secure connection, which must not notice."""
    with V1(server.url("/connect", "wss"), channel) as one:
        yield one
        identifier = publish(server.channel(channel, "https"), "unharmed")
        assert one.next() == (identifier, "unharmed")


def plain(server) -> socket.socket:
    return socket.create_connection(server.address("https"), timeout=SECONDS)


def until_closed(connection: socket.socket) -> bytes:
    said = b""
    try:
        while data := connection.recv(65536):
            said += data
    except ConnectionResetError:
        pass
    return said


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
def test_tls_1_2_and_1_3_are_spoken_with_http_1_1_agreed_on(server, channel, version):
    context = trusting()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(plain(server), server_hostname="localhost") as one:
        assert one.version() == version.name.replace("_", ".")
        assert one.selected_alpn_protocol() == "http/1.1"
        one.sendall(f"GET /channels/{channel}?timeout=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert one.recv(100).startswith(b"HTTP/1.1 204")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=lambda v: v.name)
def test_older_versions_are_refused(server, witness, version):
    context = trusting()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        context.wrap_socket(plain(server), server_hostname="localhost")


def test_the_certificate_made_on_the_spot_names_localhost(server):
    with plain(server) as connection, trusting().wrap_socket(connection, server_hostname="localhost") as one:
        der = one.getpeercert(binary_form=True)
    assert b"localhost" in der and bytes([127, 0, 0, 1]) in der


GARBAGE = {
    "plain HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(300),
    "a record that is too long": b"\x16\x03\x01\xff\xff" + bytes(70000),
    "application data at once": b"\x17\x03\x03\x00\x20" + bytes(32),
    "an alert at once": b"\x15\x03\x03\x00\x02\x02\x28",
    "an empty handshake record": b"\x16\x03\x01\x00\x00" * 40,
    "a hello of nothing": b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_tls_is_closed(server, witness, name):
    with plain(server) as one:
        try:
            one.sendall(GARBAGE[name])
        except (BrokenPipeError, ConnectionResetError):
            pass
        said = until_closed(one)
    assert said == b"" or said[0] == 0x15 or said.startswith(b"HTTP/1.1 400"), said[:100]


def test_random_bytes_harm_nobody(server, witness):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(50):
        with plain(server) as one:
            one.sendall(dice.choice([b"", b"\x16\x03\x01"]) + dice.randbytes(dice.randint(1, 600)))


def hello() -> bytes:
    """A sound ClientHello, as OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        engine.do_handshake()
    return outgoing.read()


def test_a_hello_cut_anywhere_harms_nobody(server, witness):
    whole = hello()
    for cut in range(0, len(whole), 11):
        with plain(server) as one:
            one.sendall(whole[:cut])


def test_a_hello_may_arrive_byte_by_byte(server, channel):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with plain(server) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                engine.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    one.sendall(bytes([byte]))
                incoming.write(one.recv(65536))
        engine.write(f"GET /channels/{channel}?timeout=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        one.sendall(outgoing.read())
        while True:
            incoming.write(one.recv(65536))
            try:
                assert engine.read(100).startswith(b"HTTP/1.1 204")
                break
            except ssl.SSLWantReadError:
                pass


@pytest.mark.parametrize("spoil", [
    lambda record: record[:-1] + bytes([record[-1] ^ 1]),
    lambda record: record[:3] + b"\xff\xff" + record[5:] + bytes(70000),
    lambda record: b"\x99" + record[1:],
    lambda record: b"in the clear after all",
    lambda record: os.urandom(200),
], ids=["a flipped bit", "a length too long", "an unknown type", "plain text", "noise"])
def test_a_spoilt_record_after_the_handshake_closes_that_connection(server, witness, channel, spoil):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with plain(server) as one:
        while True:
            try:
                engine.do_handshake()
                break
            except ssl.SSLWantReadError:
                one.sendall(outgoing.read())
                incoming.write(one.recv(65536))
        one.sendall(outgoing.read())
        engine.write(f"POST /channels/{channel} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nbad".encode())
        try:
            one.sendall(spoil(outgoing.read()))
        except (BrokenPipeError, ConnectionResetError):
            pass
        incoming.write(until_closed(one))
        incoming.write_eof()
        with pytest.raises(ssl.SSLError):
            while engine.read(65536):
                pass


def test_a_client_that_ends_tls_properly_is_answered_so(server, channel):
    one = Bare(server, "https")
    one.send(f"GET /channels/{channel}?timeout=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert one.response()[0] == 204
    one.socket.unwrap().close()
