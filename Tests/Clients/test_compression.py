"""permessage-deflate (RFC 7692) with Python's websockets, for those who want it and beside those who do not."""
import random
import zlib

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from bare import WebSocket
from peers import Raw, V1, publish

SIZES = [0, 1, 63, 64, 125, 126, 1000, 65535, 65536, 300000]
OFFERS = {
    "no context": dict(server_no_context_takeover=True, client_no_context_takeover=True),
    "windows of 9 and 10 bits": dict(server_max_window_bits=9, client_max_window_bits=10),
    "as it likes": dict(client_max_window_bits=True),
}


def is_compressed(one: Raw) -> bool:
    return bool(one.socket.protocol.extensions)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_same_messages_arrive_compressed_and_not(server, channel, scheme):
    with (Raw(server.channel(channel, scheme), compression="deflate") as packed,
          Raw(server.channel(channel, scheme), compression=None) as plain):
        assert is_compressed(packed) and not is_compressed(plain)
        for sender in (packed, plain):
            for size in SIZES:
                sender.send("na" * (size // 2))
                sender.send(bytes(range(256)) * (size // 256 + 1))
                for one in (packed, plain):
                    assert one.next()[1] == "na" * (size // 2)
                    assert one.next()[1] == bytes(range(256)) * (size // 256 + 1)


@pytest.mark.parametrize("offer", OFFERS)
def test_every_offer_is_met(server, channel, offer):
    factory = ClientPerMessageDeflateFactory(**OFFERS[offer])
    with Raw(server.channel(channel, "ws"), compression=None, extensions=[factory]) as one:
        assert is_compressed(one)
        for size in SIZES:
            text = "".join(random.Random(size).choices("abc", k=size))
            one.send(text)
            assert one.next()[1] == text


def test_messages_of_carillon_v1_are_compressed_too(server, channel):
    with V1(server.url("/connect", "ws"), channel, compression="deflate") as one:
        assert one.socket.protocol.extensions
        identifier = publish(server.channel(channel), "ding dong " * 1000)
        assert one.next() == (identifier, "ding dong " * 1000)


def test_what_shrinks_goes_compressed_and_what_does_not_goes_as_it_is(server, channel):
    noise = random.Random(7).randbytes(4096)
    with WebSocket(server, f"/channels/{channel}", **{"Sec-WebSocket-Extensions": "permessage-deflate"}) as one:
        publish(server.channel(channel), "long " * 1000)
        first, payload = one.frame()
        assert first == 0xC1 and len(payload) < 200
        assert zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff") == b"long " * 1000
        publish(server.channel(channel), "short")
        assert one.frame() == (0x81, b"short")
        publish(server.channel(channel), noise)
        assert one.frame() == (0x82, noise)


def test_who_did_not_ask_for_compression_gets_none(server, channel):
    with WebSocket(server, f"/channels/{channel}") as one:
        assert "sec-websocket-extensions" not in one.headers
        publish(server.channel(channel), "long " * 1000)
        assert one.frame() == (0x81, b"long " * 1000)
