"""Settings of namespaces, from the command line to the client."""
import subprocess

import pytest

from bare import CLOSE
from peers import ServerSentEvents, publish, web
from test_slow import COUNT, MESSAGE, SEGMENT, Slow


def start(binary, *words):
    return subprocess.run([binary, "serve", "--dev", *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30)


@pytest.mark.parametrize(("words", "part"), [
    (["--namespace", "chat,histori=5"], "histori is no setting; there are history,"),
    (["--namespace", "chat,history=some"], "it is off, last, or a number"),
    (["--namespace", "chat,slow=never"], "it is disconnect, drop-oldest, latest"),
    (["--namespace", "chat", "--namespace", "chat,slow=latest"], "chat: it is configured twice"),
    (["--namespace", "history=5"], "the first item is its name"),
    (["--namespace", "chat,history=0"], "from 1 to 1000000"),
    ([word for n in range(64) for word in ("--namespace", f"n{n}")], "63 are possible"),
])
def test_a_namespace_that_can_not_be_is_a_sentence_and_exit_code_2(binary, words, part):
    done = start(binary, *words)
    assert done.returncode == 2
    assert part in done.stderr


def test_each_namespace_keeps_what_it_says(serve):
    running = serve("--dev", "--history", "3", "--namespace", "none,history=off", "--namespace", "state,history=last",
                    "--namespace", "chat,history=2")
    for name in ("none:a", "state:a", "chat:a", "other"):
        for number in range(5):
            publish(running.channel(name), f"{number}")
    with web() as client:
        kept = {name: [message["data"] for message in client.get(running.channel(name) + "/messages").json()["messages"]]
                for name in ("none:a", "state:a", "chat:a", "other")}
        assert kept == {"none:a": [], "state:a": ["4"], "chat:a": ["3", "4"], "other": ["2", "3", "4"]}
        first = client.get(running.channel("state:a"), timeout=10)
        assert [message["data"] for message in first.json()["messages"]] == ["4"]
        again = client.get(running.channel("state:a", query="timeout=1"), timeout=10,
                           headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 204
    with ServerSentEvents(running.channel("state:a")) as stream:
        assert stream.next()[1] == "4"
        identifier = publish(running.channel("state:a"), "5")
        assert stream.next() == (identifier, "5")


@pytest.mark.parametrize("policy", ["drop-oldest", "latest"])
def test_a_slow_client_stays_and_gets_the_newest(serve, policy):
    running = serve("--dev", "--message-bytes-max", "65536", "--backlog-bytes-max", "131072", "--namespace",
                    f"a,slow={policy}")
    with Slow(running, "/channels/a:x", SEGMENT) as slow, web() as client:
        for number in range(COUNT):
            client.post(running.channel("a:x"), content=f"{number} {MESSAGE}", headers={"Content-Type": "text/plain"})
        numbers = []
        while not numbers or numbers[-1] != COUNT - 1:
            first, payload = slow.frame()
            assert first != 0x80 | CLOSE
            number, rest = payload.decode().split()
            assert rest == MESSAGE
            numbers.append(int(number))
        assert numbers == sorted(set(numbers))
        assert len(numbers) < COUNT, "nothing was skipped: the socket takes more than this test thought"
        client.post(running.channel("a:x"), content="after", headers={"Content-Type": "text/plain"})
        assert slow.frame()[1] == b"after"
