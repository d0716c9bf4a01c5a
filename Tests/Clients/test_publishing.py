"""What a publisher may ask: keys, versions, time to live, exclusion; over HTTP, batches, carillon.v1 and the command."""
import concurrent.futures
import json
import uuid

import pytest

from peers import ServerSentEvents, Stream, V1, curl, web
from test_commands import run


def ask(server, channel: str, data: str = "m", **headers: str) -> dict:
    with web() as client:
        answer = client.post(server.channel(channel), content=data, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def history(server, channel: str) -> list:
    with web() as client:
        return [one["data"] for one in client.get(server.url(f"/channels/{channel}/messages")).json()["messages"]]


def test_curl_repeats_a_key_and_gets_the_same_id(server, channel):
    def post(data: str) -> bytes:
        return curl("-H", 'Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"', "-d", data, server.channel(channel))
    first = post("once")
    assert post("once") == first and json.loads(first)["id"]
    refused = json.loads(post("another"))
    assert refused["status"] == 422 and "idempotency key" in refused["detail"]
    assert history(server, channel) == ["once"]


def test_the_same_key_on_many_connections_at_once_is_published_once(server, channel):
    """Several loops, whichever the kernel picks."""
    keys = [str(uuid.uuid4()) for _ in range(20)]

    def post(number: int) -> tuple[str, str]:
        key = keys[number % len(keys)]
        return key, ask(server, channel, key, **{"Idempotency-Key": key})["id"]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        told = list(pool.map(post, range(240)))
    assert len(set(told)) == len(keys)
    assert sorted(history(server, channel)) == sorted(keys)


def test_a_key_is_the_same_over_every_way(server, channel):
    key = str(uuid.uuid4())
    one = ask(server, channel, **{"Idempotency-Key": f'"{key}"'})["id"]
    line = json.dumps({"channel": channel, "data": "m", "key": key}) + "\n"
    with web() as client:
        answer = client.post(server.url("/publish"), content=line)
    assert json.loads(answer.text)["id"] == one
    with V1(server.url("/connect", "ws")) as socket:
        assert socket.command("publish", channel=channel, data="m", key=key)["id"] == one
        refused = socket.command("publish", channel=channel, data="n", key=key)
        assert refused["error"]["code"] == "key-reused"


def test_versions_rise_and_what_is_not_newer_is_skipped(server, channel):
    assert "id" in ask(server, channel, "five", **{"Carillon-Version": "5"})
    assert ask(server, channel, "again", **{"Carillon-Version": "5"}) == {"skipped": True, "version": 5}
    with web() as client:
        assert client.post(server.channel(channel, query="version=4"), content="x").json() == {"skipped": True, "version": 5}
    with V1(server.url("/connect", "ws")) as socket:
        answer = socket.command("publish", channel=channel, data="old", version=3)
        assert answer["skipped"] is True and answer["version"] == 5
        assert "id" in socket.command("publish", channel=channel, data="six", version=6)
    assert history(server, channel) == ["five", "six"]


@pytest.mark.parametrize("transport", [ServerSentEvents, Stream])
def test_the_connection_that_a_stream_names_is_left_out(server, channel, transport):
    with transport(server.channel(channel)) as one, transport(server.channel(channel)) as other:
        name = one.response.headers["Carillon-Connection"]
        assert name != other.response.headers["Carillon-Connection"]
        ask(server, channel, "first", **{"Carillon-Exclude": name})
        ask(server, channel, "second")
        assert one.next()[1] == "second"
        assert [data for _, data in other.take(2)] == ["first", "second"]


def test_the_connection_that_a_command_names_is_left_out(server, channel):
    with V1(server.url("/connect", "ws"), channel) as one, V1(server.url("/connect", "ws"), channel) as other:
        name = one.command("connection")["connection"]
        ask(server, channel, "first", **{"Carillon-Exclude": name})
        ask(server, channel, "second", **{"Carillon-Exclude": "0" * 32})
        assert one.next()[1] == "second"
        assert [data for _, data in other.take(2)] == ["first", "second"]


@pytest.mark.parametrize("headers", [
    {"Carillon-TTL": "0"}, {"Carillon-TTL": "2592001"}, {"Carillon-TTL": "1.5"}, {"Carillon-Version": "-1"},
    {"Carillon-Version": str(2**64)}, {"Carillon-Exclude": "x"}, {"Idempotency-Key": '"'},
    {"Idempotency-Key": "k" * 129}])
def test_an_option_that_is_none_is_a_problem_and_nothing_is_published(server, channel, headers):
    with web() as client:
        answer = client.post(server.channel(channel), content="m", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json") and answer.json()["detail"]
    assert history(server, channel) == []


def test_the_command_publishes_once_under_a_key(server, binary, channel):
    url = server.channel(channel)
    first, again = (run(binary, "publish", url, "m", "--idempotency-key", 'a "key"') for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout and history(server, channel) == ["m"]
    other = run(binary, "publish", url, "n", "--idempotency-key", 'a "key"')
    assert other.returncode == 1 and "422" in other.stderr


def test_the_command_makes_up_a_key_for_each_message(server, binary, channel):
    done = run(binary, "publish", server.channel(channel), "--lines", body="same\nsame\n")
    assert len(set(done.stdout.split())) == 2 and history(server, channel) == ["same", "same"]


def test_the_command_says_that_a_version_was_skipped(server, binary, channel):
    url = server.channel(channel)
    assert run(binary, "publish", url, "m", "--version", "7", "--ttl", "60").returncode == 0
    done = run(binary, "publish", url, "n", "--version", "7")
    assert done.returncode == 0 and done.stdout == "" and "version 7" in done.stderr


def test_the_command_excludes_a_connection(server, binary, channel):
    with Stream(server.channel(channel)) as one:
        name = one.response.headers["Carillon-Connection"]
        assert run(binary, "publish", server.channel(channel), "first", "--exclude", name).returncode == 0
        assert run(binary, "publish", server.channel(channel), "second").returncode == 0
        assert one.next()[1] == "second"


@pytest.mark.parametrize("words", [
    ["--ttl", "x"], ["--version", "-1"], ["--idempotency-key", ""], ["--idempotency-key", "k" * 129],
    ["--exclude", "a b"], ["--lines", "--idempotency-key", "k"]])
def test_wrong_usage_of_the_command_ends_with_2(server, binary, channel, words):
    done = run(binary, "publish", server.channel(channel), *words)
    assert done.returncode == 2, done.stderr
    assert history(server, channel) == []
