"""Several runs of the program, and its end."""
import signal
import subprocess

import pytest
from websockets.exceptions import ConnectionClosed

from bare import Bare
from figures import unread, until
from peers import Raw, ServerSentEvents, V1, publish


def test_two_runs_beside_each_other_share_nothing(serve):
    one, two = serve("--dev"), serve("--dev")
    with ServerSentEvents(one.channel("a")) as reader_one, ServerSentEvents(two.channel("a")) as reader_two:
        first, second = publish(one.channel("a"), "for one"), publish(two.channel("a"), "for two")
        assert reader_one.next() == (first, "for one")
        assert reader_two.next() == (second, "for two")
    assert first.rpartition("-")[0] != second.rpartition("-")[0], "two lives of a log have two epochs"


def test_after_a_restart_a_resuming_client_is_told_of_the_gap(serve):
    before = serve("--dev")
    last = publish(before.channel("a"), "before")
    before.stop()
    after = serve("--dev")
    with ServerSentEvents(after.channel("a"), **{"Last-Event-ID": last}) as one:
        publish(after.channel("a"), "after")
        assert one.next()[1] == "after"
        assert one.gap


def test_an_address_in_use_is_a_sentence_and_exit_code_2(serve, binary):
    host, port = serve("--dev").address()
    done = subprocess.run([binary, "serve", "--dev", "--listen", f"{host}:{port}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert str(port) in done.stderr + done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_drains_and_the_exit_code_is_0(serve, number):
    running = serve("--dev")
    with (Raw(running.channel("a", "ws")) as raw, V1(running.url("/connect", "ws"), "a") as one,
          ServerSentEvents(running.channel("a")) as stream):
        publish(running.channel("a"), "last words")
        running.process.send_signal(number)
        assert raw.next() == (None, "last words")
        assert one.next()[1] == stream.next()[1] == "last words"
        for socket in (raw, one):
            with pytest.raises(ConnectionClosed) as closed:
                socket.next()
            assert closed.value.rcvd.code == 1012
        with pytest.raises(EOFError):
            stream.next()
    assert running.process.wait(timeout=30) == 0


def test_whoever_waits_for_a_poll_is_answered_when_the_gateway_stops(serve):
    running = serve("--dev")
    with Bare(running) as waiting, Bare(running, "http") as idle:
        idle.send(b"GET /channels/a?timeout=0 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.response()[0] == 204
        waiting.send(b"GET /channels/a HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: unread(waiting.socket) == 0, "the request has been read")
        running.process.send_signal(signal.SIGTERM)
        status, headers, _ = waiting.response()
        assert status in (204, 503)
        assert waiting.to_the_end() == b"" and idle.to_the_end() == b""
    assert running.process.wait(timeout=30) == 0


def test_a_client_that_does_not_read_cannot_keep_the_gateway_from_stopping(serve):
    running = serve("--dev", "--drain-seconds", "1", "--message-bytes-max", "8388608")
    with Bare(running) as deaf:
        deaf.send(b"GET /channels/a HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
        assert deaf.head()[0] == 200
        publish(running.channel("a"), "x" * 8388608)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=30) == 0


def test_a_second_signal_stops_at_once(serve):
    running = serve("--dev")
    with Raw(running.channel("a", "ws")):
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(timeout=10)


@pytest.mark.parametrize("loops", ["1", "2", "4"])
def test_order_holds_whichever_loops_the_clients_are_on(serve, loops):
    running = serve("--dev", "--loops", loops)
    readers = [ServerSentEvents(running.channel("a")) for _ in range(8)]
    writers = [Raw(running.channel("a", "ws", "echo=0")) for _ in range(4)]
    for number in range(50):
        for index, writer in enumerate(writers):
            writer.send(f"{index}:{number}")
    seen = [reader.take(200) for reader in readers]
    assert all(one == seen[0] for one in seen)
    for index in range(4):
        its = [data for _, data in seen[0] if data.startswith(f"{index}:")]
        assert its == [f"{index}:{number}" for number in range(50)]
    for one in readers + writers:
        one.close()


def test_publish_and_subscribe_are_commands_too(serve, binary):
    running = serve("--dev")
    first = publish(running.channel("a"), "zero")
    listening = subprocess.Popen([binary, "subscribe", running.channel("a"), "--after", first],
                                 stdout=subprocess.PIPE, text=True)
    try:
        done = subprocess.run([binary, "publish", running.channel("a"), "from the command"],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert "from the command" in listening.stdout.readline()
        subprocess.run([binary, "publish", running.channel("a"), "-"], input="from a pipe", text=True,
                       check=True, timeout=30, capture_output=True)
        assert "from a pipe" in listening.stdout.readline()
    finally:
        listening.kill()
        listening.wait()
    refused = subprocess.run([binary, "publish", "http://127.0.0.1:1/channels/a", "x"], capture_output=True, timeout=30)
    assert refused.returncode != 0
