"""Without --dev nothing is open that was not opened."""
import subprocess

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from peers import V1, Raw, ServerSentEvents, publish, web

KEY = "a-key-for-the-tests-0123456789"
BEARER = {"Authorization": f"Bearer {KEY}"}
TEXT = {"Content-Type": "text/plain"}


def refused_at_start(binary: str, *flags: str) -> str:
    done = subprocess.run([binary, "serve", *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2, done
    return done.stderr + done.stdout


def test_without_a_key_the_program_says_how_to_give_one_and_exits_with_2(binary):
    assert "--api-key" in refused_at_start(binary, "--listen", "127.0.0.1:0")


@pytest.mark.parametrize("flags", [["--no-such-flag"], ["--dev", "--listen", "nonsense:nonsense"],
                                   ["--dev", "--listen", "127.0.0.1:99999"], ["--dev", "--loops", "0"],
                                   ["--dev", "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent",
                                    "--tls-listen", "127.0.0.1:0"]], ids=" ".join)
def test_a_mistaken_flag_is_a_sentence_and_exit_code_2(binary, flags):
    assert refused_at_start(binary, *flags).strip()


def test_publishing_needs_the_key(serve):
    running = serve("--api-key", KEY, "--anonymous-read")
    with ServerSentEvents(running.channel("a")) as reader, web() as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {KEY}x"},
                        {"Authorization": f"Bearer {KEY[:-1]}"}, {"Authorization": f"Basic {KEY}"},
                        {"Authorization": "Bearer"}):
            answer = client.post(running.channel("a"), content="no", headers={**TEXT, **headers})
            assert answer.status_code in (401, 403), (headers, answer.text)
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            assert KEY not in answer.text
        identifier = publish(running.channel("a"), "yes", **BEARER)
        assert reader.next() == (identifier, "yes")
        assert client.post(running.url("/publish"), content='{"channel":"a","data":1}').status_code in (401, 403)
        assert client.post(running.url("/publish"), content='{"channel":"a","data":1}', headers=BEARER).status_code == 200


def test_reading_needs_the_key_too_unless_it_was_opened(serve):
    running = serve("--api-key", KEY)
    with web() as client:
        for accept in ("text/event-stream", "application/x-ndjson", "*/*"):
            assert client.get(running.channel("a"), headers={"Accept": accept}).status_code in (401, 403)
        assert client.get(running.url("/channels/a/messages")).status_code in (401, 403)
    with pytest.raises(InvalidStatus) as refused:
        Raw(running.channel("a", "ws")).close()
    assert refused.value.response.status_code in (401, 403)
    with ServerSentEvents(running.channel("a"), **BEARER) as reader:
        identifier = publish(running.channel("a"), "yes", **BEARER)
        assert reader.next() == (identifier, "yes")


def test_an_anonymous_websocket_may_read_but_not_write(serve):
    running = serve("--api-key", KEY, "--anonymous-read")
    with Raw(running.channel("a", "ws")) as other, V1(running.url("/connect", "ws"), "a") as one:
        assert "error" in one.command("publish", channel="a", data="no")
        with Raw(running.channel("a", "ws")) as talker:
            talker.send("no")
            # Whether it is closed or ignored, nobody hears it.
            publish(running.channel("a"), "yes", **BEARER)
            try:
                assert talker.next() == (None, "yes")
            except ConnectionClosed as closed:
                assert closed.rcvd.code in (1008, 4403)
        assert other.next() == (None, "yes")
        assert one.next()[1] == "yes"


def test_a_websocket_with_the_key_may_write(serve):
    running = serve("--api-key", KEY)
    with Raw(running.channel("a", "ws"), additional_headers=BEARER) as one:
        one.send("hello")
        assert one.next() == (None, "hello")


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://app.example", "https://app.example.org",
                                    "https://app.example:8443", "https://app.example@elsewhere.example"])
def test_a_page_of_another_origin_gets_neither_websocket_nor_stream(serve, origin):
    running = serve("--api-key", KEY, "--anonymous-read", "--allow-origin", "https://app.example")
    with pytest.raises(InvalidStatus) as refused:
        Raw(running.channel("a", "ws"), origin=origin).close()
    assert refused.value.response.status_code == 403
    with web() as client:
        answer = client.get(running.channel("a", query="timeout=1"), headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        preflight = client.options(running.channel("a"), headers={
            "Origin": origin, "Access-Control-Request-Method": "POST"})
        assert "Access-Control-Allow-Origin" not in preflight.headers


def test_a_page_of_an_allowed_origin_gets_both(serve):
    origin = "https://app.example"
    running = serve("--api-key", KEY, "--anonymous-read", "--allow-origin", origin)
    with Raw(running.channel("a", "ws"), origin=origin) as one:
        publish(running.channel("a"), "hello", **BEARER)
        assert one.next() == (None, "hello")
    with web() as client:
        answer = client.get(running.channel("a", query="timeout=1"), headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in answer.headers["Vary"]
        # What a browser's JavaScript may see must be named.
        exposed = answer.headers["Access-Control-Expose-Headers"].lower()
        assert "etag" in exposed and "carillon-gap" in exposed
        preflight = client.options(running.channel("a"), headers={
            "Origin": origin, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, if-none-match, last-event-id"})
        assert preflight.status_code in (200, 204)
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
        assert allowed == "*" or all(name in allowed for name in (
            "authorization", "content-type", "if-none-match", "last-event-id"))


def test_a_program_that_is_no_browser_has_no_origin_and_is_let_in(serve):
    running = serve("--api-key", KEY, "--anonymous-read", "--allow-origin", "https://app.example")
    with Raw(running.channel("a", "ws")) as one:
        publish(running.channel("a"), "hello", **BEARER)
        assert one.next() == (None, "hello")


def test_there_is_no_page_without_dev(serve):
    running = serve("--api-key", KEY)
    with web() as client:
        assert client.get(running.url("/")).status_code == 404
