"""The opening handshake (RFC 6455 §4), which the Autobahn testsuite does not judge."""
import base64

import pytest

from bare import ACCEPT, TEXT, Bare, frame, handshake


def answer(server, channel: str, change: dict | None = None, **more):
    with Bare(server) as one:
        one.send(handshake(f"/channels/{channel}", change, **more))
        return one.head()


@pytest.mark.parametrize("change", [
    {}, {"Upgrade": "WebSocket"}, {"Connection": "keep-alive, Upgrade"}, {"Connection": "UPGRADE"},
    {"Upgrade": "h2c, websocket"}, {"Sec-WebSocket-Extensions": "x-unknown; a=1"},
    {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99"},
    {"Accept": "text/event-stream"}, {"Sec-WebSocket-Protocol": "nobody-speaks-this"},
], ids=str)
def test_a_sound_handshake_is_accepted(server, channel, change):
    status, headers = answer(server, channel, change)
    assert status == 101
    assert headers["sec-websocket-accept"] == ACCEPT
    assert headers["upgrade"].lower() == "websocket" and headers["connection"].lower() == "upgrade"
    assert "sec-websocket-extensions" not in headers and "sec-websocket-protocol" not in headers


@pytest.mark.parametrize("offer, wanted", [
    ("permessage-deflate", "permessage-deflate"),
    ("permessage-deflate; server_no_context_takeover", "server_no_context_takeover"),
    ("x-unknown, permessage-deflate; client_max_window_bits", "permessage-deflate"),
    ("permessage-deflate; unknown=1, permessage-deflate", "permessage-deflate"),
])
def test_compression_is_agreed_on_when_it_is_offered(server, channel, offer, wanted):
    status, headers = answer(server, channel, {"Sec-WebSocket-Extensions": offer})
    assert status == 101 and wanted in headers["sec-websocket-extensions"]
    assert "unknown" not in headers["sec-websocket-extensions"]


@pytest.mark.parametrize("version", ["0", "8", "12", "14", "130", "x", "13, 8", "-13", "013"])
def test_another_version_is_answered_with_426_and_the_version_spoken_here(server, channel, version):
    status, headers = answer(server, channel, {"Sec-WebSocket-Version": version})
    # What is no number at all may as well be called a bad request.
    assert status in ((426,) if version.isdecimal() and version[0] != "0" or version == "0" else (400, 426))
    if status == 426:
        assert headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("key", [
    None, "", "short", base64.b64encode(b"x" * 15).decode(), base64.b64encode(b"x" * 17).decode(),
    "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQ==x",
], ids=lambda key: key or repr(key))
def test_a_key_that_is_missing_or_not_16_bytes_of_base64_is_a_bad_request(server, channel, key):
    status, headers = answer(server, channel, {"Sec-WebSocket-Key": key})
    assert status == 400
    assert headers["content-type"].startswith("application/problem+json")


def test_a_handshake_without_a_version_or_a_host_is_refused(server, channel):
    assert answer(server, channel, {"Sec-WebSocket-Version": None})[0] in (400, 426)
    assert answer(server, channel, {"Host": None})[0] == 400


@pytest.mark.parametrize("change, more", [
    ({"Connection": None}, {}), ({"Connection": "close"}, {}), ({}, {"version": "HTTP/1.0"}),
], ids=["no Connection", "Connection: close", "HTTP/1.0"])
def test_a_request_that_does_not_ask_for_an_upgrade_is_no_handshake(server, channel, change, more):
    """RFC 9110 §7.8: without Connection: Upgrade, and in HTTP/1.0, the Upgrade field is ignored. It is a poll then."""
    with Bare(server) as one:
        one.send(handshake(f"/channels/{channel}?timeout=1", change, **more))
        assert one.head()[0] in (204, 400, 426)


def test_a_handshake_is_a_get(server, channel):
    """RFC 6455 §4.1. A server may ignore the Upgrade field and take the request for what it else is."""
    assert answer(server, channel, {"Content-Length": "0"}, method="POST")[0] != 101


def test_two_keys_are_a_bad_request(server, channel):
    with Bare(server) as one:
        one.send(handshake(f"/channels/{channel}").replace(
            b"Sec-WebSocket-Key:", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key:"))
        assert one.head()[0] == 400


def test_frames_sent_right_behind_the_handshake_are_not_lost(server, channel):
    with Bare(server) as one:
        one.send(handshake(f"/channels/{channel}") + frame(TEXT, b"early") + frame(TEXT, b"bird"))
        assert one.head()[0] == 101
        assert one.read(7) == b"\x81\x05early" and one.read(6) == b"\x81\x04bird"


def test_a_handshake_may_arrive_byte_by_byte(server, channel):
    with Bare(server) as one:
        for byte in handshake(f"/channels/{channel}") + frame(TEXT, b"slow"):
            one.send(bytes([byte]))
        assert one.head()[0] == 101
        assert one.read(6) == b"\x81\x04slow"
