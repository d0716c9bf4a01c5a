"""What real Chromium does with the chat example, and with WebSockets of a page's own making."""
import pytest

from peers import Raw, ServerSentEvents, publish

LOG = "#log li"


def joined(context, chat):
    page = context.new_page()
    page.goto(chat.url("/"))
    page.wait_for_function("document.querySelector('#state').textContent === 'connected'")
    return page


def say(page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def texts(page, count: int) -> list[str]:
    page.wait_for_function("([place, count]) => document.querySelectorAll(place).length >= count", arg=[LOG, count])
    return page.locator(LOG).all_text_contents()


@pytest.fixture
def pages(browser, chat):
    """Two people in the chat, each with a browser of their own."""
    contexts = [browser.new_context(), browser.new_context()]
    yield [joined(context, chat) for context in contexts]
    for context in contexts:
        context.close()


def test_what_one_types_the_other_reads_and_nobody_reads_it_twice(pages):
    one, other = pages
    say(one, "Hello from one")
    assert texts(other, 1) == ["Hello from one"]
    say(other, "Hello back <b>")
    # By now an echo of the first would have come: messages keep their order.
    assert texts(one, 2) == ["Hello from one", "Hello back <b>"]
    say(one, "the end")
    assert texts(other, 3) == ["Hello from one", "Hello back <b>", "the end"]
    assert one.locator("#log li.own").all_text_contents() == ["Hello from one", "the end"]
    assert other.locator("#log li.own").all_text_contents() == ["Hello back <b>"]


def test_what_is_said_in_the_chat_is_read_on_the_channel_and_by_other_clients(chat, pages):
    with ServerSentEvents(chat.channel("chat")) as reader, Raw(chat.url("/chat", "ws")) as bare:
        say(pages[0], "for all")
        assert reader.next()[1] == "for all"
        assert bare.next() == (None, "for all")
        bare.send("from no browser")
        assert texts(pages[0], 2) == ["for all", "from no browser"]
        assert texts(pages[1], 2) == ["for all", "from no browser"]
        assert reader.next()[1] == "from no browser"


def test_a_chat_that_ends_and_begins_again_is_rejoined_by_its_page(chat, pages):
    assert chat.process.poll() is None
    _, port = chat.address()
    chat.process.terminate()
    assert chat.process.wait(timeout=30) == 0
    for page in pages:
        page.wait_for_function("document.querySelector('#state').textContent !== 'connected'")
    with type(chat)(chat.command[0], f"127.0.0.1:{port}", wanted={"http"}):
        for page in pages:
            page.wait_for_function("document.querySelector('#state').textContent === 'connected'")
        say(pages[0], "again")
        assert texts(pages[1], 1) == ["again"]


SPEAK = """([url, protocols, sent]) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols), seen = []
    socket.binaryType = "arraybuffer"
    socket.onerror = () => reject(new Error("no WebSocket"))
    socket.onopen = () => { for (const one of sent) socket.send(one) }
    socket.onmessage = ({ data }) => {
        seen.push(typeof data === "string" ? data : [...new Uint8Array(data)])
        if (seen.length === sent.length) socket.close(1000)
    }
    socket.onclose = ({ code, wasClean }) =>
        resolve({ seen, code, wasClean, protocol: socket.protocol, extensions: socket.extensions })
})"""


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_chromium_speaks_and_hears_on_a_raw_websocket(server, browser, channel, scheme):
    context = browser.new_context(ignore_https_errors=True)
    try:
        page = context.new_page()
        page.goto(server.url("/", "https" if scheme == "wss" else "http"))
        long = "A sentence that is worth compressing. " * 100
        result = page.evaluate(SPEAK, [server.channel(channel, scheme), [], ["short", long, "ünï 🔔"]])
        assert result["seen"] == ["short", long, "ünï 🔔"]
        assert (result["code"], result["wasClean"]) == (1000, True)
        assert result["extensions"].startswith("permessage-deflate")
    finally:
        context.close()


def test_chromium_chooses_carillon_v1_over_wss(server, browser, channel):
    context = browser.new_context(ignore_https_errors=True)
    try:
        page = context.new_page()
        page.goto(server.url("/", "https"))
        identifier = publish(server.channel(channel), "kept")
        command = f'{{"op":"history","channel":"{channel}","after":"first","ref":1}}'
        result = page.evaluate(SPEAK, [server.url("/connect", "wss"), ["carillon.v1"], [command]])
        assert result["protocol"] == "carillon.v1"
        assert identifier in result["seen"][0] and '"kept"' in result["seen"][0]
    finally:
        context.close()
