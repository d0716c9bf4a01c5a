"""Publishing, history and batches over plain HTTP, and the errors as problems."""
import json

import pytest

from bare import Bare
from peers import Raw, ServerSentEvents, Stream, V1, base64_of, curl, publish, web


def problem(answer, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body = answer.json()
    assert body["status"] == status and body["title"]
    return body


def test_history_gives_what_is_kept_after_an_id_up_to_a_limit(server, channel):
    ids = [publish(server.channel(channel), number) for number in range(6)]
    url = server.url(f"/channels/{channel}/messages")
    with web() as client:
        def history(**query):
            answer = client.get(url, params=query)
            assert answer.status_code == 200, answer.text
            return [(one["id"], one["data"]) for one in answer.json()["messages"]]
        every = list(zip(ids, range(6)))
        assert history() == every
        assert history(after=ids[2]) == every[3:]
        assert history(after=ids[2], limit=2) == every[3:5]
        assert history(after=ids[5]) == []
        assert history(after="first", limit=1) == every[:1]


@pytest.mark.parametrize("query", ["limit=x", "limit=-1", "limit=99999999999999999999"])
def test_a_limit_that_is_no_count_is_a_bad_request(server, channel, query):
    with web() as client:
        problem(client.get(server.url(f"/channels/{channel}/messages?{query}")), 400)


@pytest.mark.parametrize("query", ["timeout=x", "timeout=-1", "timeout=1e9999"])
def test_a_timeout_that_is_no_time_is_a_bad_request(server, channel, query):
    with web() as client:
        problem(client.get(server.channel(channel, query=query)), 400)


def test_a_batch_answers_each_line_in_order(server, channel):
    lines = [{"channel": channel, "data": "text"}, {"channel": channel, "data": {"n": 1}, "event": "e"},
             {"channel": f"{channel}-2", "data": {"base64": "AP8="}}]
    body = "\n".join(map(json.dumps, lines)) + "\n"
    with V1(server.url("/connect", "ws"), channel) as listener:
        listener.command("subscribe", channel=f"{channel}-2")
        with web() as client:
            answer = client.post(server.url("/publish"), content=body, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        ids = [json.loads(line)["id"] for line in answer.text.splitlines()]
        seen = [listener.next_message() for _ in lines]
    assert [(one["channel"], one["id"], one["data"], one.get("event")) for one in seen] == [
        (channel, ids[0], "text", None), (channel, ids[1], {"n": 1}, "e"), (f"{channel}-2", ids[2], {"base64": "AP8="}, None)]


def test_a_bad_line_of_a_batch_is_an_error_on_its_line_and_the_others_are_published(server, channel):
    good = json.dumps({"channel": channel, "data": "good"})
    body = "\n".join([good, "{nonsense", json.dumps({"channel": "", "data": 1}), json.dumps({"data": 1}),
                      json.dumps({"channel": channel}), good])
    with web() as client:
        answer = client.post(server.url("/publish"), content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    answers = [json.loads(line) for line in answer.text.splitlines()]
    assert ["id" in one for one in answers] == [True, False, False, False, False, True]
    assert all("error" in one for one in answers[1:5])


def test_a_batch_of_a_thousand_is_published_in_order(server, channel):
    with ServerSentEvents(server.channel(channel)) as one, web() as client:
        body = "".join(json.dumps({"channel": channel, "data": str(number)}) + "\n" for number in range(1000))
        answer = client.post(server.url("/publish"), content=body, headers={"Content-Type": "application/x-ndjson"})
        assert len(answer.text.splitlines()) == 1000
        assert [data for _, data in one.take(1000)] == [str(number) for number in range(1000)]


def test_json_that_is_none_is_refused(server, channel):
    with web() as client:
        problem(client.post(server.channel(channel), content="{nonsense",
                            headers={"Content-Type": "application/json"}), 400)


def test_text_that_is_not_utf_8_is_refused_or_counts_as_binary(server, channel):
    with Raw(server.channel(channel, "ws")) as raw, Stream(server.channel(channel)) as stream, web() as client:
        answer = client.post(server.channel(channel), content=b"\xff\xfe",
                             headers={"Content-Type": "text/plain; charset=utf-8"})
        if answer.status_code == 200:
            assert raw.next() == (None, b"\xff\xfe")
            assert stream.next()[1] == base64_of(b"\xff\xfe")
        else:
            problem(answer, 400)


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nowhere", 404), ("GET", "/channel/a", 404), ("POST", "/channels/a/b/c", 404),
    ("DELETE", "/channels/a", 405), ("PUT", "/channels/a", 405), ("GET", "/publish", 405),
    ("POST", "/channels/a/messages", 405),
])
def test_what_is_not_there_is_a_problem(server, method, path, status):
    with web() as client:
        answer = client.request(method, server.url(path))
        problem(answer, status)
        assert status != 405 or "POST" in answer.headers["Allow"] or "GET" in answer.headers["Allow"]


def test_a_body_beyond_the_limit_is_refused_by_name_and_measure(serve):
    running = serve("--dev", "--message-bytes-max", "1000")
    publish(running.channel("a"), "x" * 1000)
    with web() as client:
        answer = client.post(running.channel("a"), content="x" * 1001, headers={"Content-Type": "text/plain"})
        body = problem(answer, 413)
        assert "1000" in answer.text and body


def test_an_endless_body_is_refused_without_being_read(server, channel):
    with Bare(server) as one:
        one.send(f"POST /channels/{channel} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n".encode())
        assert one.head()[0] == 413
        one.to_the_end()


def test_expect_100_continue_is_answered_before_the_body_is_sent(server, channel):
    with Bare(server) as one:
        one.send(f"POST /channels/{channel} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
                 "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        assert one.head()[0] == 100
        one.send(b"hello")
        assert one.response()[0] == 200


def test_curl_sends_a_body_in_chunks_and_after_100_continue(server, channel):
    text = b"y" * 200_000
    out = curl("-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "-H", "Content-Type: text/plain",
               "--data-binary", "@-", server.channel(channel), body=text)
    assert json.loads(out)["id"]
    with web() as client:
        history = client.get(server.url(f"/channels/{channel}/messages")).json()["messages"]
    assert history[0]["data"] == text.decode()
