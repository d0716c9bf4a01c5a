"""Recovery: a client goes on after an id, on any transport, or is told that it cannot."""
import threading

import pytest

from peers import (KINDS, KINDS_WITH_IDS, LongPoll, ServerSentEvents, Stream, V1, publish, subscriber, web)

RESUMES = {
    "Last-Event-ID": lambda url, after: (url, {"Last-Event-ID": after}),
    "after": lambda url, after: (f"{url}?after={after}", {}),
    "lastEventId": lambda url, after: (f"{url}?lastEventId={after}", {}),
    "last_event_id": lambda url, after: (f"{url}?last_event_id={after}", {}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_was_cut_on_one_transport_goes_on_on_any_other(server, channel, kind, scheme):
    url = server.channel(channel, scheme)
    with V1(server.url("/connect", "wss" if scheme == "https" else "ws"), channel) as first:
        publish(url, "before")
        last, _ = first.next()
    missed = [publish(url, f"missed {number}") for number in range(5)]
    with subscriber(kind, server, channel, scheme, after=last) as second:
        live = publish(url, "live")
        seen = second.take(6)
    assert [data for _, data in seen] == [f"missed {number}" for number in range(5)] + ["live"]
    if kind != "raw":
        assert [identifier for identifier, _ in seen] == [*missed, live]
    assert not second.gap


@pytest.mark.parametrize("kind", [ServerSentEvents, Stream, LongPoll])
@pytest.mark.parametrize("way", RESUMES)
def test_every_way_to_name_an_id_works_on_every_http_transport(server, channel, kind, way):
    first, second, third = (publish(server.channel(channel), str(number)) for number in range(3))
    url, headers = RESUMES[way](server.channel(channel), first)
    with kind(url, **headers) as one:
        assert one.take(2) == [(second, "1"), (third, "2")]


def test_the_header_of_a_reconnecting_browser_wins_over_its_url(server, channel):
    first, second, third = (publish(server.channel(channel), str(number)) for number in range(3))
    with ServerSentEvents(server.channel(channel, query=f"after={first}"), **{"Last-Event-ID": second}) as one:
        assert one.next() == (third, "2")


@pytest.mark.parametrize("kind", KINDS)
def test_after_first_begins_with_the_oldest_message_kept(server, channel, kind):
    for number in range(3):
        publish(server.channel(channel), str(number))
    query = {"long-poll": lambda: LongPoll(server.channel(channel, query="after=first")),
             "sse": lambda: ServerSentEvents(server.channel(channel, query="after=first"))}
    with query.get(kind, lambda: subscriber(kind, server, channel, after="first"))() as one:
        assert [data for _, data in one.take(3)] == ["0", "1", "2"]
        assert not one.gap


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_id_delivery_begins_now(server, channel, kind):
    publish(server.channel(channel), "old")
    with subscriber(kind, server, channel) as one:
        publish(server.channel(channel), "new")
        assert one.next()[1] == "new"


@pytest.mark.parametrize("kind", KINDS_WITH_IDS)
@pytest.mark.parametrize("after", ["nosuchepoch-1", "nosuchepoch-999999999"])
def test_an_id_of_another_life_of_the_log_gives_a_gap(server, channel, kind, after):
    publish(server.channel(channel), "kept")
    with subscriber(kind, server, channel, after=after) as one:
        publish(server.channel(channel), "new")
        seen = one.next()
        while seen[1] == "kept":
            seen = one.next()
        assert seen[1] == "new"
        assert one.gap


@pytest.mark.parametrize("kind", KINDS_WITH_IDS)
def test_an_id_older_than_the_history_gives_a_gap_and_then_all_that_is_kept(server, channel, kind):
    with web() as client:
        ids = [client.post(server.channel(channel), content=str(number), headers={"Content-Type": "text/plain"})
               .json()["id"] for number in range(130)]
    with subscriber(kind, server, channel, after=ids[9]) as one:
        assert one.take(100) == [(ids[number], str(number)) for number in range(30, 130)]
        assert one.gap


@pytest.mark.parametrize("after", ["", "x", "-", "-1", "a-", "a-x", "a b-1", "a-99999999999999999999999", '"a-1"x'])
def test_something_that_is_no_id_is_refused_or_gives_a_gap_but_never_silence(server, channel, after):
    publish(server.channel(channel), "kept")
    with web() as client:
        answer = client.get(server.channel(channel), params={"after": after, "timeout": "1"})
    # An empty parameter may stand for none; then there is nothing new within the second.
    allowed = answer.status_code == 204 if after == "" else "Carillon-Gap" in answer.headers
    assert answer.status_code == 400 or allowed, f"{answer.status_code} {answer.headers}"


def test_a_poll_that_saw_nothing_answers_204_with_the_place_to_go_on_from(server, channel):
    with web() as client:
        answer = client.get(server.channel(channel, query="timeout=1"))
        assert answer.status_code == 204 and answer.content == b""
        identifier = publish(server.channel(channel), "meanwhile")
        answer = client.get(server.channel(channel), headers={"If-None-Match": answer.headers["ETag"]})
        assert answer.status_code == 200
        assert [one["id"] for one in answer.json()["messages"]] == [identifier]
        assert answer.headers["ETag"] == f'"{identifier}"'


def test_a_poll_answers_with_all_that_is_kept_after_its_id(server, channel):
    first = publish(server.channel(channel), "first")
    ids = [publish(server.channel(channel), str(number)) for number in range(10)]
    with web() as client:
        answer = client.get(server.channel(channel), headers={"If-None-Match": f'"{first}"'})
    assert [one["id"] for one in answer.json()["messages"]] == ids


def test_between_two_polls_nothing_is_lost(server, channel):
    count = 400

    def speak() -> None:
        with web() as client:
            for number in range(count):
                client.post(server.channel(channel), content=str(number), headers={"Content-Type": "text/plain"})

    with LongPoll(server.channel(channel)) as one:
        speaker = threading.Thread(target=speak)
        speaker.start()
        seen = one.take(count)
        speaker.join()
    assert [data for _, data in seen] == [str(number) for number in range(count)]
    assert one.polls > 2 and not one.gap


def test_a_subscriber_that_comes_back_again_and_again_misses_nothing(server, channel):
    count, kinds = 300, ["sse", "v1", "stream", "long-poll"]

    def speak() -> None:
        with web() as client:
            for number in range(count):
                client.post(server.channel(channel), content=str(number), headers={"Content-Type": "text/plain"})

    last = publish(server.channel(channel), "start")
    speaker = threading.Thread(target=speak)
    speaker.start()
    seen = []
    while len(seen) < count:
        kind = kinds[len(seen) % len(kinds)]
        with subscriber(kind, server, channel, after=last) as one:
            taken = one.take(min(7, count - len(seen)))
            assert not one.gap
        last = taken[-1][0]
        seen += taken
    speaker.join()
    assert [data for _, data in seen] == [str(number) for number in range(count)]
