"""`carillon publish` and `carillon subscribe` as a shell meets them, on every transport."""
import json
import queue
import subprocess
import threading

import pytest

from peers import SECONDS, publish

TRANSPORTS = ["ws", "sse", "poll", "stream"]


class Follower:
    """A running `carillon subscribe --ids`; `next` gives (id, data), `notices` what it said besides."""

    def __init__(self, binary: str, url: str, *flags: str):
        self.process = subprocess.Popen(
            [binary, "subscribe", url, "--ids", *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.lines: queue.Queue = queue.Queue()
        self.notices: queue.Queue = queue.Queue()
        for source, place in ((self.process.stdout, self.lines), (self.process.stderr, self.notices)):
            threading.Thread(target=self._read, args=(source, place), daemon=True).start()

    @staticmethod
    def _read(source, place: queue.Queue) -> None:
        for line in source:
            place.put(line.rstrip("\n"))

    def next(self) -> tuple[str, str]:
        identifier, _, data = self.lines.get(timeout=SECONDS).partition("\t")
        return identifier, data

    def wait_for_notice(self, words: str) -> None:
        while words not in self.notices.get(timeout=SECONDS):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run(binary: str, *words: str, body: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([binary, *words], input=body or "", capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_one_process_publishes_another_prints(server, binary, channel, transport, scheme):
    url = server.channel(channel, scheme)
    first = publish(url, "first")
    with Follower(binary, url, "--transport", transport, "--after", first, "--insecure") as one:
        sent = []
        for text in ("plain", "ünï 🔔", '{"like":"json"}'):
            done = run(binary, "publish", url, text, "--insecure")
            assert done.returncode == 0, done.stderr
            sent.append((done.stdout.strip(), text))
        assert [one.next() for _ in sent] == sent


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_after_a_restart_on_the_same_port_a_follower_comes_back_and_says_what_is_missing(serve, binary, transport):
    before = serve("--dev")
    _, port = before.address()
    first = publish(before.channel("a"), "first")
    with Follower(binary, before.channel("a"), "--transport", transport, "--after", first) as one:
        second = publish(before.channel("a"), "before")
        assert one.next() == (second, "before")
        before.process.terminate()
        assert before.process.wait(timeout=30) == 0
        after = serve("--dev", "--listen", f"127.0.0.1:{port}")
        # History is empty in its new life, so that what was said in the old one may be missing.
        third = publish(after.channel("a"), "after")
        assert one.next() == (third, "after")
        one.wait_for_notice("missing")
        fourth = publish(after.channel("a"), "live")
        assert one.next() == (fourth, "live")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_json_is_printed_alike_whatever_carried_it(server, binary, channel, transport):
    identifier = run(binary, "publish", server.channel(channel), '{"a":[1,2]}', "--json", "--event", "e").stdout.strip()
    done = run(binary, "subscribe", server.channel(channel), "--transport", transport, "--after", "first", "--json",
               "--count", "1", "--timeout", str(SECONDS))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["id"], seen["event"]) == (identifier, "e")
    # An event stream does not say what is JSON, and gives its text.
    assert seen["data"] in ({"a": [1, 2]}, '{"a":[1,2]}') if transport == "sse" else seen["data"] == {"a": [1, 2]}


def test_lines_of_standard_input_are_published_in_order(server, binary, channel):
    done = run(binary, "publish", server.channel(channel), "--lines", body="one\ntwo\n\nthree\n")
    ids = done.stdout.split()
    assert done.returncode == 0 and len(ids) == 3
    heard = run(binary, "subscribe", server.channel(channel), "--ids", "--after", "first", "--count", "3")
    assert heard.stdout == "".join(f"{identifier}\t{text}\n" for identifier, text in zip(ids, ("one", "two", "three")))


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_told_otherwise(server, binary, channel):
    done = run(binary, "publish", server.channel(channel, "https"), "x")
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "certificate" in done.stderr


def test_a_follower_that_waits_in_vain_ends_with_1(server, binary, channel):
    done = run(binary, "subscribe", server.channel(channel), "--count", "1", "--timeout", "0.2")
    assert done.returncode == 1 and done.stderr.strip()


def test_a_key_comes_from_the_flag_or_the_environment(serve, binary, monkeypatch):
    running = serve("--api-key", "a-key-for-the-tests-0123456789", "--anonymous-read")
    url = running.channel("a")
    monkeypatch.delenv("CARILLON_API_KEY", raising=False)
    assert run(binary, "publish", url, "x").returncode == 1
    assert run(binary, "publish", url, "x", "--key", "another").returncode == 1
    assert run(binary, "publish", url, "x", "--key", "a-key-for-the-tests-0123456789").returncode == 0
    monkeypatch.setenv("CARILLON_API_KEY", "a-key-for-the-tests-0123456789")
    assert run(binary, "publish", url, "x").returncode == 0
