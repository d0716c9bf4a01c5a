"""Small messages that become big: permessage-deflate at 1:1000, and bodies in a content coding."""
import gzip
import zlib

import pytest

from bare import TEXT, Bare, WebSocket, frame
from crowd import Crowd
from figures import MIB, Process, in_mib, repeated, until

OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}
MESSAGE_BYTES_MAX = MIB
TIMES = 8
# For each of two loops: a message at its limit while its array grows by doubling, and the one before, which the
# allocator has not given back yet. For each bomber what it has sent so far, in an array that grows by doubling.
PEAK_OF_LOOPS, PEAK_OF_BOMBER = 2 * 4 * MESSAGE_BYTES_MAX, 2


def deflated(count: int) -> bytes:
    """So many letters as RFC 7692 §7.2.1 wants them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = b"a" * min(count, MIB)
    data = b"".join(packer.compress(piece) for _ in range(count // len(piece)))
    data += packer.compress(b"a" * (count % len(piece))) + packer.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(b"\x00\x00\xff\xff")


BOMB = deflated(256 * MIB)


def in_one_frame() -> bytes:
    return frame(TEXT, BOMB, rsv=4)


def in_fragments() -> bytes:
    pieces = [BOMB[start:start + 4096] for start in range(0, len(BOMB), 4096)]
    return b"".join(frame(TEXT if number == 0 else 0, piece, fin=number == len(pieces) - 1, rsv=4 if number == 0 else 0)
                    for number, piece in enumerate(pieces))


@pytest.mark.parametrize("bomb", [in_one_frame, in_fragments])
def test_a_bomb_is_refused_and_takes_no_memory(serve, figure, heavy, bomb):
    count = 100 if heavy else 20
    running = serve("--dev", "--loops", "2", "--message-bytes-max", str(MESSAGE_BYTES_MAX), "--heartbeat-seconds", "600",
                    "--silence-seconds", "1200", "--history", "10")
    process, data = Process(running), bomb()
    assert 256 * MIB / len(BOMB) > 900, "no bomb"
    with Crowd(running, 20) as crowd:
        crowd.hear(10)
        present, before, peaks = process.sockets(), process.memory(), []

        def act() -> None:
            bombers = [WebSocket(running, "/channels/bombed", **OFFER) for _ in range(count)]
            for one in bombers:
                one.send(data)
            crowd.hear(10)
            for one in bombers:
                assert one.close_code() == 1009
                peaks.append(process.memory())
                one.close()
            until(lambda: process.sockets() == present, "all bombers are closed")

        figure(f"{TIMES} × {count} of 256 MiB in {len(BOMB)} bytes: "
               + repeated(process, act, TIMES, count) + f", {in_mib(max(peaks))} at most")
        assert max(peaks) - before <= PEAK_OF_LOOPS + PEAK_OF_BOMBER * count * len(BOMB)
        figure(str(crowd))


def test_what_a_message_becomes_counts_to_the_byte(serve):
    running = serve("--dev", "--message-bytes-max", str(MESSAGE_BYTES_MAX),
                    "--backlog-bytes-max", str(4 * MESSAGE_BYTES_MAX))
    with WebSocket(running, "/channels/a", **OFFER) as one, WebSocket(running, "/channels/a?after=first") as reader:
        one.send(frame(TEXT, deflated(MESSAGE_BYTES_MAX), rsv=4))
        assert reader.frame() == (0x81, b"a" * MESSAGE_BYTES_MAX)
        one.send(frame(TEXT, deflated(MESSAGE_BYTES_MAX + 1), rsv=4))
        assert one.close_code() == 1009


@pytest.mark.parametrize("path", ["/channels/zipped", "/publish"])
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip"])
def test_a_body_in_a_content_coding_is_refused_and_not_published(server, channel, path, coding):
    """It would reach the subscribers as bytes that nobody has told them how to read (RFC 9110 §15.5.16)."""
    body = gzip.compress(b"x" * MIB)
    with Bare(server) as one:
        one.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Encoding: {coding}\r\n"
                 f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, headers, _ = one.response()
        assert status == 415
        # Which codings would do (RFC 9110 §12.5.3).
        assert headers["accept-encoding"] == "identity"
    with Bare(server) as one:
        one.send(b"GET /channels/zipped/messages HTTP/1.1\r\nHost: a\r\n\r\n")
        assert one.response()[2] == b'{"messages":[]}\n'


def test_identity_is_no_coding(server, channel):
    with Bare(server) as one:
        one.send(f"POST /channels/{channel} HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n"
                 "Content-Length: 1\r\n\r\nx".encode())
        assert one.response()[0] == 200
