"""The same messages, ids and order on every transport, over http and https."""
import asyncio
import concurrent.futures
import contextlib
import json
import subprocess

import aiohttp
import pytest

from peers import (KINDS, KINDS_WITH_IDS, SECONDS, LongPoll, Raw, ServerSentEvents, Stream, V1, base64_of, curl, publish,
                   subscriber, web)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_all_transports_see_the_same_messages_with_the_same_ids_in_the_same_order(server, channel, scheme):
    with contextlib.ExitStack() as stack:
        everybody = {kind: stack.enter_context(subscriber(kind, server, channel, scheme)) for kind in KINDS}
        speaker = stack.enter_context(subscriber("raw", server, channel, scheme))
        expected = []
        for number in range(8):
            expected += [f"post {number}", f"raw {number}", f"v1 {number}"]
            publish(server.channel(channel, scheme), f"post {number}")
            speaker.send(f"raw {number}")
            assert speaker.take(2)[-1] == (None, f"raw {number}")
            everybody["v1"].command("publish", channel=channel, data=f"v1 {number}")
            assert speaker.next() == (None, f"v1 {number}")
        seen = {kind: one.take(len(expected)) for kind, one in everybody.items()}
    assert [data for _, data in seen.pop("raw")] == expected
    assert [data for _, data in seen["sse"]] == expected
    for kind in seen:
        assert seen[kind] == seen["sse"], kind
    sequences = [int(identifier.rpartition("-")[2]) for identifier, _ in seen["sse"]]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_message_published_with_curl_reaches_everybody(server, channel, scheme):
    with contextlib.ExitStack() as stack:
        everybody = {kind: stack.enter_context(subscriber(kind, server, channel, scheme)) for kind in KINDS}
        answer = json.loads(curl("-H", "Content-Type: text/plain", "-d", "Grüße", server.channel(channel, scheme)))
        for kind, one in everybody.items():
            assert one.next() == (answer["id"] if kind != "raw" else None, "Grüße"), kind


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_reads_an_event_stream(server, channel, scheme):
    identifier = publish(server.channel(channel, scheme), "for curl")
    reading = subprocess.Popen(
        ["curl", "-ksN", "--noproxy", "*", "--max-time", str(SECONDS), "-H", "Accept: text/event-stream",
         server.channel(channel, scheme, "after=first")], stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        while "data: for curl\n" not in lines:
            lines.append(reading.stdout.readline())
            assert lines[-1], "the stream ended"
        assert f"id: {identifier}\n" in lines
        assert lines[0].startswith("retry:")
        assert reading.poll() is None, "the stream goes on"
    finally:
        reading.kill()
        reading.communicate()


def test_aiohttp_speaks_websocket_and_reads_the_stream(server, channel):
    async def talk() -> None:
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            async with (session.ws_connect(server.channel(channel, "wss")) as one,
                        session.get(server.channel(channel, "https"),
                                    headers={"Accept": "application/x-ndjson"}) as stream):
                await one.send_str("from aiohttp")
                assert (await one.receive_str(timeout=20)) == "from aiohttp"
                async for line in stream.content:
                    if line.strip():
                        assert json.loads(line)["data"] == "from aiohttp"
                        break
    # On a thread of its own: Playwright keeps a loop running on this one.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, talk()).result()


@pytest.mark.parametrize("data, on_raw, on_sse, in_json", [
    ("plain text", "plain text", "plain text", "plain text"),
    ('{"not": "json"}', '{"not": "json"}', '{"not": "json"}', '{"not": "json"}'),
    ("quotes \" and \\ and \u0001 and 🔔", None, "quotes \" and \\ and \u0001 and 🔔", "quotes \" and \\ and \u0001 and 🔔"),
    ({"n": 1, "deep": [True, None, "x"]}, None, None, {"n": 1, "deep": [True, None, "x"]}),
    (b"\x00\xff\xfe", b"\x00\xff\xfe", None, base64_of(b"\x00\xff\xfe")),
    ("", "", None, ""),
], ids=["text", "text-like-json", "escapes", "json", "binary", "empty"])
def test_text_is_a_string_and_json_is_json_and_binary_is_base64(server, channel, data, on_raw, on_sse, in_json):
    with contextlib.ExitStack() as stack:
        everybody = {kind: stack.enter_context(subscriber(kind, server, channel)) for kind in KINDS}
        identifier = publish(server.channel(channel), data)
        seen = {kind: one.next() for kind, one in everybody.items()}
    for kind in ("v1", "stream", "long-poll"):
        assert seen[kind] == (identifier, in_json), kind
    assert seen["sse"][0] == identifier
    if on_raw is not None:
        assert seen["raw"][1] == on_raw
    if on_sse is not None:
        assert seen["sse"][1] == on_sse
    if isinstance(data, dict):
        assert json.loads(seen["raw"][1]) == data and json.loads(seen["sse"][1]) == data


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"], ids=["LF", "CR", "CRLF"])
def test_a_line_break_in_a_message_becomes_a_data_line_of_its_own(server, channel, newline):
    with ServerSentEvents(server.channel(channel)) as one:
        publish(server.channel(channel), newline.join(["one", "", "three", "id: forged"]))
        identifier, data = one.next()
    assert data == "one\n\nthree\nid: forged"
    assert identifier != "forged"


@pytest.mark.parametrize("kind", KINDS_WITH_IDS)
def test_an_event_name_travels_with_its_message(server, channel, kind):
    with subscriber(kind, server, channel) as one, V1(server.url("/connect", "ws")) as speaker:
        speaker.command("publish", channel=channel, data="ding", event="bell")
        if kind == "v1":
            assert one.next_message()["event"] == "bell"
        else:
            assert one.next()[1] == "ding"
        if kind == "sse":
            assert one.last_event == "bell"
        if kind == "stream":
            assert one.last["event"] == "bell"
        if kind == "long-poll":
            assert one.answer.json()["messages"][0]["event"] == "bell"


def test_a_sender_sees_its_own_frames_unless_echo_is_0(server, channel):
    with (Raw(server.channel(channel, "ws", "echo=0")) as quiet, Raw(server.channel(channel, "ws")) as loud):
        quiet.send("from quiet")
        assert loud.next() == (None, "from quiet")
        loud.send("from loud")
        assert loud.next() == (None, "from loud")
        assert quiet.next() == (None, "from loud")


@pytest.mark.parametrize("kind", ["raw", "sse", "stream", "long-poll"])
def test_one_connection_carries_several_channels(server, channel, kind):
    a, b, other = f"{channel}-a", f"{channel}-b", f"{channel}-c"
    url = server.url(f"/channels?name={a}&name={b}", "ws" if kind == "raw" else "http")
    one = {"raw": Raw, "sse": ServerSentEvents, "stream": Stream, "long-poll": LongPoll}[kind](url)
    with one:
        ids = [publish(server.channel(name), f"to {name}") for name in (a, other, b, a)]
        seen = one.take(3)
    if kind == "sse":
        # An event stream has no field for the channel, so here its data is the object of the other transports.
        objects = [json.loads(data) for _, data in seen]
        assert [one["channel"] for one in objects] == [a, b, a]
        seen = [(one["id"], one["data"]) for one in objects]
    assert [data for _, data in seen] == [f"to {a}", f"to {b}", f"to {a}"]
    if kind != "raw":
        assert [identifier for identifier, _ in seen] == [ids[0], ids[2], ids[3]]
    if kind == "stream":
        assert one.last["channel"] == a


@pytest.mark.parametrize("name", ["a b", "ünï", "ns:with/slash", "100%", "a?b#c", "🔔", "x" * 255])
def test_a_channel_may_have_any_printable_name_of_up_to_255_bytes(server, name):
    with ServerSentEvents(server.channel(name)) as one, V1(server.url("/connect", "ws"), name) as two:
        identifier = publish(server.channel(name), "hello")
        assert one.next() == (identifier, "hello")
        message = two.next_message()
        assert (message["channel"], message["id"]) == (name, identifier)


@pytest.mark.parametrize("path", [
    "/channels/", "/channels/" + "x" * 256, "/channels/a%00b", "/channels/a%0ab", "/channels/%ff%fe",
    "/channels/%zz", "/channels",
], ids=["empty", "256-bytes", "NUL", "newline", "not-UTF-8", "bad-percent", "no-name"])
def test_other_names_are_refused_with_a_problem(server, path):
    with web() as client:
        answer = client.post(server.url(path), content=b"x", headers={"Content-Type": "text/plain"})
    assert answer.status_code in (400, 404, 405), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_the_event_stream_tells_proxies_to_leave_it_alone(server, channel):
    with ServerSentEvents(server.channel(channel)) as one:
        headers = one.response.headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"


def test_a_message_of_a_mebibyte_arrives_whole_on_every_transport(serve):
    running = serve("--dev", "--message-bytes-max", "2097152")
    text = "".join(f"{number:08d}" for number in range(131072))
    with contextlib.ExitStack() as stack:
        everybody = {kind: stack.enter_context(subscriber(kind, running, "big")) for kind in KINDS}
        publish(running.channel("big"), text)
        for kind, one in everybody.items():
            assert one.next()[1] == text, kind
