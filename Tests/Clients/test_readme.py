"""What the README shows is run as it stands there, with this gateway's address in place of its own."""
import pathlib
import re
import subprocess

import pytest

from peers import SECONDS, V1, publish

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCKS = {
    kind: re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL) for kind in ("sh", "js")
}


def block(kind: str, words: str) -> str:
    (only,) = [text for text in BLOCKS[kind] if words in text]
    return only


def here(text: str, server, channel: str) -> str:
    host, port = server.address()
    return text.replace("127.0.0.1:8080", f"{host}:{port}").replace("/channels/news", f"/channels/{channel}")


@pytest.fixture
def shell(server, request):
    """Gives what a command printed, until it ends or `until` is in it; news is a channel of the test's own."""
    channel = f"readme-{request.node.name[:40].replace('[', '-').replace(']', '')}"

    def run(command: str, until: bytes | None = None, begin=None) -> bytes:
        command = "set -e\n" + here(command, server, channel).replace("curl ", "curl --no-progress-meter ")
        process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        said = b""
        try:
            if begin:
                begin(channel)
            while until is None or until not in said:
                data = process.stdout.read1(65536)
                if not data:
                    break
                said += data
        finally:
            process.kill()
            process.wait()
        return said

    run.channel = channel
    return run


def test_the_line_that_publishes_prints_an_id(shell):
    assert re.search(rb'^{"id":"[a-z0-9]+-[0-9]+"}', shell(block("sh", "-d 'Hello'")), re.MULTILINE)


LINES = [command for command in re.findall(r"`(curl [^`]*URL)`", TEXT)]


@pytest.mark.parametrize("command", LINES)
def test_the_lines_that_subscribe_print_what_is_published(server, shell, command):
    publish(server.channel(shell.channel), "kept")
    # From the start of the channel, so that it does not matter which of the two is quicker.
    command = command.replace("URL", "'http://127.0.0.1:8080/channels/news?after=first'")
    assert b"kept" in shell(command, b"kept")


def test_all_four_ways_to_subscribe_are_shown():
    assert len(LINES) == 3 and "<a id" not in TEXT and block("sh", "Upgrade: websocket")


def test_the_lines_that_show_frames_do(server, shell):
    command = block("sh", "Upgrade: websocket").replace("/channels/news", "/channels/news?after=first")
    publish(server.channel(shell.channel), "kept")
    assert shell(command, b"kept").endswith(b"\x81\x04kept")


PREPARE = """() => {
    window.seen = []
    console.log = (...words) => seen.push(words.map(word => typeof word === "string" ? word : JSON.stringify(word)))
}"""
SNIPPETS = ["new EventSource", "If-None-Match", "TextDecoderStream", "carillon.v1"]


def begin(page, server, words: str, channel: str) -> None:
    page.evaluate(PREPARE)
    script = here(block("js", words), server, channel).replace('"news"', f'"{channel}"')
    # In a function of its own: what it declares is not the page's, and it may await.
    page.evaluate("text => { Object.getPrototypeOf(async () => {}).constructor('lastId', text)() }", script)


def heard(page, words: str) -> None:
    page.wait_for_function("words => seen.some(line => line.join(' ').includes(words))", arg=words,
                           timeout=SECONDS * 1000)


@pytest.mark.parametrize("words", SNIPPETS)
def test_the_scripts_print_what_is_published(server, browser, channel, words):
    channel = re.sub("[^a-z0-9]", "", channel)[:60] + str(SNIPPETS.index(words))
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(server.url("/favicon.none"))
        with page.expect_request(lambda _: True) if words != "carillon.v1" else page.expect_websocket():
            begin(page, server, words, channel)
        if words == "carillon.v1":
            heard(page, '"ok":1')
        # A poll may begin with the first message or only after it; then it must hear the second.
        for number in range(200):
            publish(server.channel(channel), f"message {number}")
            if page.evaluate("seen.some(line => line.join(' ').includes('message'))"):
                break
            page.wait_for_timeout(50)
        heard(page, "message")
    finally:
        context.close()


def test_a_poll_without_an_id_begins_now_whatever_the_browser_has_seen_before(server, browser, channel):
    """No cache may send an ETag that the page did not ask for."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(server.url("/favicon.none"))
        # The timeout is one within which the message is there, and which the last poll waits out.
        page.evaluate("url => { window.poll = () => fetch(url).then(answer => answer.status) }",
                      server.channel(channel, query="timeout=2"))
        with page.expect_request(lambda _: True):
            page.evaluate("() => { window.first = poll() }")
        while page.evaluate("Promise.race([first, new Promise(done => setTimeout(done, 50))])") is None:
            publish(server.channel(channel), "seen")
        assert page.evaluate("first") == 200
        publish(server.channel(channel), "missed")
        # A loop may be a turn behind the one that published, and its poll then begins before the
        # message. A tag from a cache would bring the message every time.
        assert 204 in [page.evaluate("poll()") for _ in range(3)]
    finally:
        context.close()
