"""Frames, masks and close codes (RFC 6455 §5 and §7), by a client made by hand."""
import os
import struct

import pytest

from bare import BINARY, CLOSE, PING, PONG, TEXT, WebSocket, frame, handshake

CONTINUATION = 0


@pytest.fixture(params=["http", "https"])
def one(server, channel, request):
    with WebSocket(server, f"/channels/{channel}", request.param) as open_socket:
        yield open_socket


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return struct.pack("!H", code) + reason


@pytest.mark.parametrize("code, sent", {
    "an unmasked text frame": (1002, frame(TEXT, b"hello", mask=None)),
    "an unmasked ping": (1002, frame(PING, b"", mask=None)),
    "RSV1 without an extension": (1002, frame(TEXT, b"hello", rsv=4)),
    "RSV2": (1002, frame(TEXT, b"hello", rsv=2)),
    "RSV3": (1002, frame(TEXT, b"hello", rsv=1)),
    "RSV on a control frame": (1002, frame(PING, b"", rsv=4)),
    "opcode 3": (1002, frame(3, b"x")),
    "opcode 7": (1002, frame(7, b"x")),
    "opcode 11": (1002, frame(11, b"")),
    "opcode 15": (1002, frame(15, b"")),
    "a ping of 126 bytes": (1002, frame(PING, b"x" * 126)),
    "a pong of 65,536 bytes": (1002, frame(PONG, b"x" * 65536)),
    "a close of 126 bytes": (1002, frame(CLOSE, close_payload(1000, b"x" * 124))),
    "a ping in fragments": (1002, frame(PING, b"a", fin=False)),
    "a close in fragments": (1002, frame(CLOSE, close_payload(1000), fin=False)),
    "a continuation of nothing": (1002, frame(CONTINUATION, b"x")),
    "a continuation after the end": (
        1002, frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b") + frame(CONTINUATION, b"c")),
    "a new message within another": (1002, frame(TEXT, b"a", fin=False) + frame(TEXT, b"b")),
    "a length of 5 in 16 bits": (1002, frame(TEXT, b"hello", length_as=126)),
    "a length of 5 in 64 bits": (1002, frame(TEXT, b"hello", length_as=127)),
    "a length of 126 in 64 bits": (1002, frame(BINARY, b"x" * 126, length_as=127)),
    "a length with its highest bit set": (1002, b"\x82\xff" + b"\x80" + bytes(7) + b"mask"),
    "a length beyond any limit": (1009, b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"mask"),
    "a close of one byte": (1002, frame(CLOSE, b"\x03")),
    **{f"close code {code}": (1002, frame(CLOSE, close_payload(code)))
       for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
    "a close reason that is not UTF-8": (1007, frame(CLOSE, close_payload(1000, b"\xff"))),
    "text that is not UTF-8": (1007, frame(TEXT, b"\xc3\x28")),
    "text that ends within a character": (1007, frame(TEXT, b"\xe2\x82")),
    "an overlong slash": (1007, frame(TEXT, b"\xc0\xaf")),
    "half of a surrogate pair": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "a character beyond U+10FFFF": (1007, frame(TEXT, b"\xf4\x90\x80\x80")),
    "bad UTF-8 in a first fragment": (1007, frame(TEXT, b"ok \xff", fin=False)),
    "bad UTF-8 over two fragments": (1007, frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"\x28", fin=False)),
}.values(), ids=lambda value: "")
def test_a_broken_rule_is_answered_with_its_close_code_and_the_end(one, code, sent):
    one.send(sent)
    assert one.close_code() == code
    assert one.to_the_end() == b""


def test_bad_text_is_refused_before_its_frame_is_complete(one):
    whole = frame(TEXT, b"abc\xff" + b"d" * 60000)
    one.send(whole[:20])
    assert one.close_code() == 1007


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_close_is_answered_with_the_same_code_and_the_end(one, code):
    one.send(frame(CLOSE, close_payload(code, b"bye")))
    assert one.close_code() == code
    assert one.to_the_end() == b""


def test_a_close_without_a_code_is_answered(one):
    one.send(frame(CLOSE))
    assert one.close_frame() in (b"", close_payload(1000))
    assert one.to_the_end() == b""


def test_what_comes_after_a_close_is_ignored(one):
    one.send(frame(CLOSE, close_payload(1000)) + frame(TEXT, b"too late") + frame(PING, b"too late"))
    assert one.frame() == (0x88, close_payload(1000))
    assert one.to_the_end() == b""


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04", None], ids=repr)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 125, 126, 127, 65535, 65536, 100003])
def test_every_mask_and_length_comes_back_unmasked(one, mask, size):
    payload = os.urandom(size)
    one.send(frame(BINARY, payload, mask=mask or os.urandom(4)))
    assert one.frame() == (0x82, payload)


def test_each_fragment_has_a_mask_of_its_own(one):
    one.send(frame(TEXT, b"one ", fin=False, mask=b"abcd") + frame(CONTINUATION, b"two ", fin=False, mask=b"wxyz")
             + frame(CONTINUATION, b"three", mask=b"\0\1\2\3"))
    assert one.frame() == (0x81, b"one two three")


def test_control_frames_are_answered_between_fragments(one):
    one.send(frame(TEXT, b"a", fin=False) + frame(PING, b"now"))
    assert one.frame() == (0x80 | PONG, b"now")
    one.send(frame(PONG, b"unasked") + frame(CONTINUATION, b"b"))
    assert one.frame() == (0x81, b"ab")


@pytest.mark.parametrize("size", [0, 1, 124, 125])
def test_a_ping_of_up_to_125_bytes_comes_back_as_a_pong(one, size):
    payload = os.urandom(size)
    one.send(frame(PING, payload))
    assert one.frame() == (0x80 | PONG, payload)


def test_frames_may_arrive_byte_by_byte(one):
    for byte in frame(TEXT, "é🔔".encode(), fin=False) + frame(PING, b"p") + frame(CONTINUATION, b"x" * 130):
        one.send(bytes([byte]))
    assert one.frame() == (0x80 | PONG, b"p")
    assert one.frame() == (0x81, "é🔔".encode() + b"x" * 130)


def test_many_frames_may_arrive_at_once(one):
    texts = [f"message {number}".encode() for number in range(500)]
    one.send(b"".join(frame(TEXT, text) for text in texts))
    assert [one.frame() for _ in texts] == [(0x81, text) for text in texts]


def test_what_was_said_before_a_broken_rule_is_heard(one):
    one.send(frame(TEXT, b"heard") + frame(PING, b"and answered") + frame(3, b""))
    seen = [one.frame(), one.frame()]
    assert sorted(seen) == sorted([(0x81, b"heard"), (0x80 | PONG, b"and answered")])
    assert one.close_code() == 1002


def test_the_message_limit_is_held_for_one_frame_and_for_fragments(serve):
    running = serve("--dev", "--message-bytes-max", "1000")
    with WebSocket(running, "/channels/a") as one:
        one.send(frame(BINARY, b"x" * 1000))
        assert one.frame() == (0x82, b"x" * 1000)
        one.send(frame(BINARY, b"x" * 1001)[:8])  # Refused on its head alone.
        assert one.close_code() == 1009
    with WebSocket(running, "/channels/a") as one:
        one.send(frame(BINARY, b"x" * 500, fin=False) + frame(CONTINUATION, b"x" * 500))
        assert one.frame() == (0x82, b"x" * 1000)
        one.send(frame(BINARY, b"x" * 500, fin=False) + frame(CONTINUATION, b"x" * 501))
        assert one.close_code() == 1009


def test_a_client_that_vanishes_within_a_frame_harms_nobody(server, channel):
    with WebSocket(server, f"/channels/{channel}") as staying:
        whole = handshake(f"/channels/{channel}") + frame(TEXT, b"never finished" * 20)
        for cut in range(1, len(whole), 7):
            from bare import Bare
            with Bare(server) as leaving:
                leaving.send(whole[:cut])
        staying.send(frame(TEXT, b"still here"))
        assert staying.frame() == (0x81, b"still here")


def test_a_compressed_message_is_understood(server, channel):
    import zlib
    with WebSocket(server, f"/channels/{channel}", **{"Sec-WebSocket-Extensions": "permessage-deflate"}) as one:
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(b"squeezed " * 50) + packer.flush(zlib.Z_SYNC_FLUSH)
        one.send(frame(TEXT, packed[:-4], rsv=4))
        first, payload = one.frame()
        if first & 0x40:
            payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
        assert payload == b"squeezed " * 50


@pytest.mark.parametrize("sent, codes", [
    (frame(TEXT, b"\xff\xff\xff\xff", rsv=4), (1002, 1007)),
    (frame(TEXT, b"a", rsv=4, fin=False) + frame(CONTINUATION, b"b", rsv=4), (1002,)),
    (frame(PING, b"a", rsv=4), (1002,)),
], ids=["garbage", "RSV1 on a continuation", "RSV1 on a ping"])
def test_broken_compression_closes_the_connection(server, channel, sent, codes):
    with WebSocket(server, f"/channels/{channel}", **{"Sec-WebSocket-Extensions": "permessage-deflate"}) as one:
        one.send(sent)
        assert one.close_code() in codes


def test_a_small_frame_that_unpacks_to_more_than_the_limit_is_refused(server, channel):
    import zlib
    with WebSocket(server, f"/channels/{channel}", **{"Sec-WebSocket-Extensions": "permessage-deflate"}) as one:
        packer = zlib.compressobj(9, wbits=-15)
        packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush(zlib.Z_SYNC_FLUSH)
        one.send(frame(BINARY, packed[:-4], rsv=4))
        assert one.close_code() == 1009
