"""Durable history: what was answered 200 is there after any end of the program, under the same ids."""
import os
import random
import resource
import signal
import subprocess
import threading

import httpx
import pytest

from peers import SECONDS, ServerSentEvents, publish, web

SEED = int(os.environ.get("CARILLON_SEED", random.randrange(1 << 32)))
ROUNDS = int(os.environ.get("CARILLON_KILLS", "10"))
KEPT = 1_000_000


@pytest.fixture
def file(tmp_path) -> str:
    return str(tmp_path / "history")


@pytest.fixture
def durable(serve, file):
    """Starts the program on the one file of the test; the last one must have ended."""
    def start(*more: str, durability: str = "fsync", history: int = KEPT):
        return serve("--dev", "--loops", "2", "--history", "1000", "--durable-path", file,
                     "--namespace", f"d,history={history},durability={durability}", *more)
    return start


def everything(server, channel: str, after: str = "first") -> tuple[list[tuple[str, str]], bool]:
    """All that is kept after an id, page by page, and whether a gap was announced."""
    found, gap = [], False
    with web() as client:
        while True:
            answer = client.get(server.channel(channel) + "/messages", params={"after": after, "limit": "500"})
            assert answer.status_code == 200, answer.text
            gap = gap or "Carillon-Gap" in answer.headers
            page = [(one["id"], one["data"]) for one in answer.json()["messages"]]
            if not page:
                return found, gap
            found += page
            after = page[-1][0]


def epoch(identifier: str) -> str:
    return identifier.rpartition("-")[0]


def number(identifier: str) -> int:
    return int(identifier.rpartition("-")[2])


class Publishers:
    """Some threads that publish as fast as they are answered, until the server is gone."""

    def __init__(self, server, channels: list[str], round_: int):
        self.server, self.answered, self.refused = server, {}, 0
        self.lock = threading.Lock()
        self.enough = threading.Event()
        self.ended = False
        self.threads = [threading.Thread(target=self._run, args=(index, channel, round_))
                        for index, channel in enumerate(channels)]
        for one in self.threads:
            one.start()

    def _run(self, index: int, channel: str, round_: int) -> None:
        with web() as client:
            for count in range(1_000_000):
                text = f"{round_}.{index}.{count}"
                try:
                    answer = client.post(self.server.channel(channel), content=text.encode())
                except httpx.HTTPError:
                    return
                if self.ended:
                    return
                with self.lock:
                    if answer.status_code == 200:
                        identifier = answer.json()["id"]
                        assert identifier not in self.answered
                        self.answered[identifier] = (channel, text)
                    else:
                        self.refused += 1

    def after(self, count: int) -> None:
        """Waits until so many are answered."""
        deadline = threading.Event()
        while len(self.answered) < count and any(one.is_alive() for one in self.threads):
            deadline.wait(0.001)

    def join(self) -> None:
        for one in self.threads:
            one.join()


def kill(server) -> None:
    server.process.kill()
    server.process.wait()


def check(server, answered: dict, channels: set[str]) -> dict[str, list[str]]:
    """Every message that was answered is there, in order; gives the ids that are there, by channel."""
    there = {}
    for channel in channels:
        found, gap = everything(server, channel)
        assert not gap
        there[channel] = [identifier for identifier, _ in found]
        assert [number(one) for one in there[channel]] == sorted({number(one) for one in there[channel]})
        texts = dict(found)
        for identifier, (name, text) in answered.items():
            if name == channel:
                assert texts.get(identifier) == text, f"{identifier} of {channel}, answered 200, is gone"
    return there


def test_a_killed_gateway_has_lost_nothing_that_was_answered(durable):
    print(f"seed: CARILLON_SEED={SEED}")
    chance = random.Random(SEED)
    channels = ["d:a", "d:b", "d:c"]
    volatile, answered, last = [], {}, {}
    for round_ in range(ROUNDS):
        server = durable()
        there = check(server, answered, set(channels)) if answered else {}
        for channel, identifier in last.items():
            # Exactly what came after it, over another transport, and no gap.
            missing = there[channel][there[channel].index(identifier) + 1:]
            with ServerSentEvents(server.channel(channel), **{"Last-Event-ID": identifier}) as stream:
                assert [one for one, _ in stream.take(len(missing))] == missing
                end = publish(server.channel(channel), "end")
                assert stream.next() == (end, "end")
                assert not stream.gap
                answered[end] = (channel, "end")
        new = publish(server.channel("volatile"), str(round_))
        assert all(epoch(one) == epoch(new) for one in answered), "the log has another name"
        assert all(number(one) < number(new) for one in [*answered, *volatile]), "an id was given twice"
        volatile.append(new)
        if len(volatile) > 1:
            with ServerSentEvents(server.channel("volatile"), **{"Last-Event-ID": volatile[-2]}) as stream:
                assert stream.next() == (new, str(round_))
                assert stream.gap, "what is kept in memory is gone with it"
        publishers = Publishers(server, [*channels, "d:a"], round_)
        publishers.after(chance.randrange(200))
        kill(server)
        publishers.join()
        answered |= publishers.answered
        for channel in channels:
            its = [one for one, (name, _) in answered.items() if name == channel]
            if its:
                last[channel] = chance.choice(its)
    check(durable(), answered, set(channels))


def test_an_end_by_signal_loses_nothing_and_tells_no_gap(durable):
    for durability in ("interval", "fsync"):
        server = durable(durability=durability)
        ids = [publish(server.channel("d:a"), f"{number_}") for number_ in range(20)]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        after = durable(durability=durability)
        found, gap = everything(after, "d:a", ids[9])
        assert [one for one, _ in found] == ids[10:] and not gap
        following = publish(after.channel("d:a"), "next")
        assert number(following) == number(ids[-1]) + 1, "a clean end leaves nothing out"
        after.process.send_signal(signal.SIGTERM)
        assert after.process.wait(timeout=30) == 0


def test_interval_durability_keeps_what_was_written_and_announces_what_may_be_missing(durable, file):
    print(f"seed: CARILLON_SEED={SEED}")
    chance = random.Random(SEED)
    answered: dict = {}
    for round_ in range(max(ROUNDS // 3, 2)):
        server = durable("--namespace", "s,history=10,durability=fsync", durability="interval")
        if answered:
            oldest = min(answered, key=number)
            with ServerSentEvents(server.channel("d:a"), **{"Last-Event-ID": oldest}) as stream:
                publish(server.channel("d:a"), "x")
                stream.next()
                assert stream.gap, "nobody can promise that nothing is missing"
        publishers = Publishers(server, ["d:a", "d:a"], round_)
        publishers.after(20 + chance.randrange(200))
        # A commit takes everything before it along: what had been answered when this was published is on the disk
        # once this is answered, since it has a lower id.
        marker = publish(server.channel("s:marker"), str(round_))
        with publishers.lock:
            certain = {one: told for one, told in publishers.answered.items() if number(one) < number(marker)}
        assert certain
        kill(server)
        publishers.join()
        answered |= certain
        server = durable("--namespace", "s,history=10,durability=fsync", durability="interval")
        found, _ = everything(server, "d:a")
        texts = dict(found)
        for identifier, (_, text) in answered.items():
            assert texts.get(identifier) == text
        ids = [number(one) for one, _ in found]
        assert ids == sorted(set(ids))
        kill(server)


def test_a_full_disk_refuses_what_is_durable_and_nothing_else(durable, file):
    server = durable()
    answered = {publish(server.channel("d:a"), f"{one}"): f"{one}" for one in range(10)}
    # As full as a disk can be made for one process alone: no file of it may grow.
    size = max(os.path.getsize(file), os.path.getsize(file + "-wal"))
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    large, refused, codes = "x" * 20_000, 0, set()
    with web() as client:
        for one in range(60):
            answer = client.post(server.channel("d:a"), content=f"{one} {large}".encode())
            if answer.status_code == 200:
                answered[answer.json()["id"]] = f"{one} {large}"
            else:
                # The first was delivered and not stored; those after it are refused beforehand.
                assert answer.status_code in (503, 507), answer.text
                codes.add(answer.status_code)
                refused += 1
            # The rest goes on, with order and delivery.
            publish(server.channel("volatile"), f"{one}")
        assert refused > 10 and codes == {503, 507}
    found, _ = everything(server, "volatile")
    assert [data for _, data in found] == [f"{one}" for one in range(60)]
    assert any("can't be written" in line for line in server.printed)

    # The disk has room again: after the next try durable messages are taken.
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with web() as client:
        waiting = threading.Event()
        for _ in range(2_000):
            answer = client.post(server.channel("d:a"), content=b"again")
            if answer.status_code == 200:
                break
            waiting.wait(0.01)
        answered[answer.json()["id"]] = "again"
    kill(server)
    found, _ = everything(durable(), "d:a")
    texts = dict(found)
    for identifier, text in answered.items():
        assert texts.get(identifier) == text, f"{identifier}, answered 200, is gone"


def test_where_a_write_failed_a_resume_over_a_restart_is_told_of_the_gap(durable, file):
    server = durable()
    first = publish(server.channel("d:a"), "first")
    size = max(os.path.getsize(file), os.path.getsize(file + "-wal"))
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    with web() as client:
        # Live subscribers get it, the disk does not.
        for _ in range(100):
            answer = client.post(server.channel("d:a"), content=b"x" * 20_000)
            if answer.status_code != 200:
                break
        assert answer.status_code == 507, "delivered, and not on the disk"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=30) == 0
    _, gap = everything(durable(), "d:a", first)
    assert gap


def test_a_channel_keeps_as_much_on_the_disk_as_its_namespace_says(durable):
    server = durable(history=5)
    ids = [publish(server.channel("d:a"), f"{one}") for one in range(12)]
    kill(server)
    server = durable(history=5)
    found, gap = everything(server, "d:a", ids[6])
    assert [one for one, _ in found] == ids[7:] and not gap
    found, gap = everything(server, "d:a", ids[5])
    assert [one for one, _ in found] == ids[7:] and gap


def test_every_kind_of_message_comes_back_as_it_was(durable):
    server = durable()
    publish(server.channel("d:a"), "text\nÄ\n")
    publish(server.channel("d:a"), {"a": [1, None, "x"]})
    publish(server.channel("d:a"), bytes(range(256)))
    publish(server.channel("d:a"), "", **{"Carillon-Event": "empty"})
    with web() as client:
        before = client.get(server.channel("d:a") + "/messages", params={"after": "first"}).json()
    kill(server)
    server = durable()
    with web() as client:
        assert client.get(server.channel("d:a") + "/messages", params={"after": "first"}).json() == before
    assert len(before["messages"]) == 4 and before["messages"][3]["event"] == "empty"


@pytest.mark.parametrize("flags, word", [
    (["--namespace", "d,durability=fsync"], "--durable-path"),
    (["--durable-path", "FILE"], "no namespace is durable"),
])
def test_a_file_and_a_durable_namespace_need_each_other(binary, file, flags, word):
    words = [one.replace("FILE", file) for one in flags]
    done = subprocess.run([binary, "serve", "--dev", "--listen", "127.0.0.1:0", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert word in done.stderr


def test_a_file_in_use_is_a_sentence_and_exit_code_2(durable, binary, file):
    durable()
    done = subprocess.run([binary, "serve", "--dev", "--listen", "127.0.0.1:0", "--durable-path", file,
                           "--namespace", "d,durability=fsync"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert file in done.stderr and "in use" in done.stderr
