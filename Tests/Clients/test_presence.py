"""Who is there: with real clients, on every transport that tells it."""
import concurrent.futures
import contextlib
import json
import time

import pytest

from peers import SECONDS, V1, Raw, ServerSentEvents, Stream, curl, publish, socket, web

GRACE = 1


@pytest.fixture
def room(serve):
    """A gateway on two loops where presence is kept on `room:…`, with a grace of a second."""
    return serve("--dev", "--loops", "2", "--namespace", f"room,presence,presence-grace={GRACE}")


class Told:
    """The notices that one transport brings, as (kind, body)."""

    def __init__(self, kind: str, server, name: str, user: str | None = None):
        query = f"user={user}" if user else ""
        self.kind = kind
        if kind == "v1":
            self.one = socket(server.channel(name, "ws", query), subprotocols=["carillon.v1"])
        elif kind == "sse":
            self.one = ServerSentEvents(server.channel(name, "http", query))
        else:
            self.one = Stream(server.channel(name, "http", query))

    def next(self) -> tuple[str, dict]:
        if self.kind == "sse":
            _, data = self.one.next()
            return self.one.last_event, json.loads(data)
        if self.kind == "v1":
            body = json.loads(self.one.recv(timeout=SECONDS))
        else:
            body = json.loads(next(line for line in self.one.lines if line.strip()))
        [(kind, notice)] = body.items()
        return kind, notice

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.one.close()


def presence(server, name: str) -> dict:
    with web() as client:
        answer = client.get(server.channel(name) + "/presence")
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_for(server, name: str, users: dict, anonymous: int) -> None:
    expected = {"channel": name, "users": users, "anonymous": anonymous}
    end = time.monotonic() + SECONDS
    while (found := presence(server, name)) != expected:
        assert time.monotonic() < end, f"{found}, not {expected}"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["v1", "sse", "stream"])
def test_a_follower_is_told_who_is_there_who_comes_and_who_leaves(room, channel, kind):
    name = "room:" + channel
    with Raw(room.channel(name, "ws", "user=ada")):
        wait_for(room, name, {"ada": 1}, 0)
        with Told(kind, room, name) as one:
            assert one.next() == ("presence", {"channel": name, "users": {"ada": 1}, "anonymous": 1})
            with Raw(room.channel(name, "ws", "user=b%C3%B6b")):
                assert one.next() == ("join", {"channel": name, "user": "böb"})
            assert one.next() == ("leave", {"channel": name, "user": "böb"})


def test_several_connections_are_one_user_and_curl_counts_them(room, channel):
    name = "room:" + channel
    with contextlib.ExitStack() as stack:
        follower = stack.enter_context(Told("v1", room, name))
        follower.next()
        for kind in ("v1", "sse", "stream"):
            stack.enter_context(Told(kind, room, name, "ada"))
        stack.enter_context(Raw(room.channel(name, "ws", "user=ada")))
        assert follower.next() == ("join", {"channel": name, "user": "ada"})
        wait_for(room, name, {"ada": 4}, 1)
        found = json.loads(curl(room.channel(name) + "/presence"))
        assert found == {"channel": name, "users": {"ada": 4}, "anonymous": 1}


def test_a_reconnect_within_the_grace_makes_no_noise(room, channel):
    name = "room:" + channel
    with Told("stream", room, name) as follower:
        follower.next()
        for _ in range(5):
            with Told("sse", room, name, "ada"):
                wait_for(room, name, {"ada": 1}, 1)
        assert follower.next() == ("join", {"channel": name, "user": "ada"})
        # Nothing stands between the join and the leave that follows the last of them.
        assert follower.next() == ("leave", {"channel": name, "user": "ada"})
        assert presence(room, name)["users"] == {}


def test_a_long_poll_counts_between_its_polls(room, channel):
    name = "room:" + channel
    with Told("v1", room, name) as follower, web() as client:
        follower.next()
        url = room.channel(name, "http", "user=ada&timeout=0")
        for _ in range(8):
            answer = client.get(url)
            assert answer.status_code in (200, 204)
            assert presence(room, name)["users"] == {"ada": 0}
            time.sleep(GRACE / 4)
        assert follower.next() == ("join", {"channel": name, "user": "ada"})
        assert follower.next() == ("leave", {"channel": name, "user": "ada"})


def test_a_poll_that_waits_is_told_who_comes(room, channel):
    name = "room:" + channel
    with concurrent.futures.ThreadPoolExecutor(1) as pool, web() as client:
        poll = pool.submit(client.get, room.channel(name, "http", "timeout=15"))
        wait_for(room, name, {}, 1)
        with Raw(room.channel(name, "ws", "user=ada")):
            answer = poll.result()
    assert answer.json() == {"messages": [{"join": {"channel": name, "user": "ada"}}]}


def test_messages_and_notices_come_in_order_and_raw_frames_are_messages_only(room, channel):
    name = "room:" + channel
    with Raw(room.channel(name, "ws")) as raw, Stream(room.channel(name)) as lines:
        publish(room.channel(name), "m0")
        with Raw(room.channel(name, "ws", "user=ada")):
            wait_for(room, name, {"ada": 1}, 2)
            publish(room.channel(name), "m1")
            assert [data for _, data in raw.take(2)] == ["m0", "m1"]
        found = [json.loads(line) for line in (next(lines.lines) for _ in range(4)) if line.strip()]
        assert [list(one)[0] if len(one) == 1 else one["data"] for one in found] == ["presence", "m0", "join", "m1"]


def test_the_presence_command_and_the_refusals(room, channel):
    name = "room:" + channel
    with V1(room.url("/connect?user=ada", "ws"), name) as one:
        answer = one.command("presence", channel=name)
        assert (answer["channel"], answer["users"], answer["anonymous"]) == (name, {"ada": 1}, 0)
        refused = one.command("presence", channel=channel)
        assert refused["error"]["code"] == "no-presence"
    with web() as client:
        assert client.get(room.channel(channel) + "/presence").status_code == 404
        for user in ("", "x" * 129, "%00", "%ff"):
            answer = client.get(room.channel(name, "http", f"timeout=0&user={user}"))
            assert answer.status_code == 400, user
            assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert client.get(room.channel(name, "http", "timeout=0&user=" + "x" * 128)).status_code in (200, 204)


def test_carillon_subscribe_says_who_comes_and_goes_besides_the_messages(room, channel, binary):
    from test_commands import Follower

    name = "room:" + channel
    for transport in ("ws", "sse", "stream"):
        with Follower(binary, room.channel(name), "--transport", transport) as one:
            wait_for(room, name, {}, 1)
            with Raw(room.channel(name, "ws", f"user={transport}")):
                one.wait_for_notice(f"{transport} has joined {name}")
                identifier = publish(room.channel(name), "hello")
                assert one.next() == (identifier, "hello")
            one.wait_for_notice(f"{transport} has left {name}")
        wait_for(room, name, {}, 0)
