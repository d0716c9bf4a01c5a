"""The carillon.v1 subprotocol: many channels on one connection, commands as JSON."""
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus, NegotiationError

from peers import SECONDS, V1, publish, socket


@pytest.fixture
def one(server):
    with V1(server.url("/connect", "ws")) as connection:
        yield connection


def test_the_subprotocol_is_chosen_from_those_offered(server):
    with socket(server.url("/connect", "wss"), subprotocols=["other.v9", "carillon.v1"]) as connection:
        assert connection.subprotocol == "carillon.v1"


def test_connect_without_the_subprotocol_is_refused(server):
    with pytest.raises((InvalidStatus, NegotiationError)) as refused:
        socket(server.url("/connect", "ws")).close()
    assert refused.value.response.status_code == 400


def test_a_command_is_answered_with_its_own_ref(one, channel):
    for ref in ("text", 7, "8"):
        one.send("subscribe", channel=f"{channel}-{ref}", ref=ref)
        answer = one.receive()
        assert answer["ok"] == ref and type(answer["ok"]) is type(ref)


def test_a_message_names_its_channel_and_id_and_time(server, one, channel):
    one.command("subscribe", channel=channel)
    identifier = publish(server.channel(channel), {"a": 1})
    message = one.next_message()
    assert message["channel"] == channel and message["id"] == identifier and message["data"] == {"a": 1}
    assert "event" not in message


def test_nothing_comes_after_unsubscribe(server, one, channel):
    one.command("subscribe", channel=channel)
    one.command("subscribe", channel=f"{channel}-2")
    publish(server.channel(channel), "seen")
    assert one.next()[1] == "seen"
    one.command("unsubscribe", channel=channel)
    publish(server.channel(channel), "unseen")
    publish(server.channel(f"{channel}-2"), "seen too")
    assert one.next()[1] == "seen too"


def test_a_publisher_learns_the_id_and_sees_its_own_message(server, one, channel):
    one.command("subscribe", channel=channel)
    answer = one.command("publish", channel=channel, data={"deep": [1, 2, {"x": None}]})
    message = one.next_message()
    assert message["data"] == {"deep": [1, 2, {"x": None}]}
    if "id" in answer:
        assert answer["id"] == message["id"]


@pytest.mark.parametrize("data", ["text", "", 0, -1.5, True, None, [], {}, [1, [2]], {"base": 64}], ids=repr)
def test_any_json_value_may_be_published(one, channel, data):
    one.command("subscribe", channel=channel)
    one.command("publish", channel=channel, data=data)
    assert one.next()[1] == data


def test_binary_is_published_and_received_as_base64(one, channel):
    one.command("subscribe", channel=channel)
    one.command("publish", channel=channel, data={"base64": "AP/+"})
    assert one.next()[1] == {"base64": "AP/+"}


def test_one_connection_follows_a_hundred_channels(server, one, channel):
    for number in range(100):
        one.command("subscribe", channel=f"{channel}-{number}")
    for number in range(100):
        publish(server.channel(f"{channel}-{number}"), number)
    seen = [one.next_message() for _ in range(100)]
    assert {message["channel"]: message["data"] for message in seen} == {f"{channel}-{n}": n for n in range(100)}


def test_subscribe_after_an_id_goes_on_from_it(server, one, channel):
    ids = [publish(server.channel(channel), number) for number in range(5)]
    one.command("subscribe", channel=channel, after=ids[1])
    assert one.take(3) == [(ids[2], 2), (ids[3], 3), (ids[4], 4)]


def test_history_gives_what_is_kept(server, one, channel):
    ids = [publish(server.channel(channel), number) for number in range(5)]
    answer = one.command("history", channel=channel)
    assert [message["id"] for message in answer["messages"]] == ids


def test_ping_is_answered(one):
    assert one.command("ping")["ok"] == one.reference


@pytest.mark.parametrize("command", [
    {"op": "dance"}, {"op": 5}, {}, {"op": "subscribe"}, {"op": "subscribe", "channel": 5},
    {"op": "subscribe", "channel": ""}, {"op": "subscribe", "channel": "a\nb"},
    {"op": "subscribe", "channel": "x" * 256}, {"op": "publish", "channel": "a"},
    {"op": "publish", "data": "a"}, {"op": "unsubscribe"},
], ids=lambda command: json.dumps(command)[:60])
def test_a_command_that_cannot_be_done_is_an_error_and_the_connection_goes_on(one, command):
    one.socket.send(json.dumps({**command, "ref": "r"}))
    answer = one.receive()
    assert answer["ref"] == "r"
    assert answer["error"]["code"] and answer["error"]["message"]
    assert one.command("ping")["ok"]


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '"x"', "nul", '{"op":"ping"}x', "[" * 100000, '{"op":"ping",}',
                                  '{"a":' * 5000 + "1" + "}" * 5000],
                         ids=["empty", "brace", "array", "number", "string", "nul", "trailing", "deep-array", "comma",
                              "deep-object"])
def test_what_is_no_json_object_is_an_error_or_the_end_but_never_silence(one, text):
    one.socket.send(text)
    try:
        assert "error" in one.receive()
        assert one.command("ping")["ok"]
    except ConnectionClosed as closed:
        assert closed.rcvd.code in (1002, 1003, 1007, 1008, 1009)


def test_a_dropped_subscription_of_one_client_leaves_the_others(server, channel):
    with V1(server.url("/connect", "ws"), channel) as staying:
        with V1(server.url("/connect", "wss"), channel):
            pass
        identifier = publish(server.channel(channel), "still here")
        assert staying.next() == (identifier, "still here")


def test_many_commands_at_once_are_answered_in_order(one, channel):
    for number in range(200):
        one.send("publish", channel=channel, data=number, ref=number)
    answers = [json.loads(one.socket.recv(timeout=SECONDS)) for _ in range(200)]
    assert [answer["ok"] for answer in answers] == list(range(200))
