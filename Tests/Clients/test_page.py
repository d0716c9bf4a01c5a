"""The page of `--dev` in a real browser, over http and https."""
import pytest

from peers import publish

PANES = ["websocket", "sse", "long-poll", "stream"]


@pytest.fixture(params=["http", "https"])
def page(server, channel, browser, request):
    context = browser.new_context(ignore_https_errors=True)
    one = context.new_page()
    mistakes = []
    one.on("pageerror", lambda error: mistakes.append(str(error)))
    one.on("console", lambda line: line.type == "error" and mistakes.append(line.text))
    one.scheme, one.channel = request.param, channel
    one.goto(server.url(f"/#{channel}", request.param))
    for name in PANES:
        one.wait_for_selector(f"[data-transport={name}][data-state=open]")
    yield one
    context.close()
    assert mistakes == []


def texts(page, pane: str, count: int) -> list[str]:
    """A pane's messages, newest first, once there are as many."""
    place = f"[data-transport={pane}] .messages li .text"
    page.wait_for_function("([place, count]) => document.querySelectorAll(place).length >= count", arg=[place, count])
    return page.locator(place).all_text_contents()


def say(page, text: str) -> None:
    page.fill("#message", text)
    page.press("#message", "Enter")


def test_a_message_typed_in_appears_in_all_four_panes(page):
    say(page, "Hello, bells")
    for name in PANES:
        assert texts(page, name, 1) == ["Hello, bells"]
    page.wait_for_function("document.querySelector('#status').textContent.includes('in all four panes')")
    ids = {page.locator(f"[data-transport={name}] .messages small span").first.text_content() for name in PANES[1:]}
    assert len(ids) == 1 and "-" in ids.pop()


def test_a_message_from_elsewhere_appears_in_all_four_panes(server, page):
    publish(server.channel(page.channel), {"from": "elsewhere"})
    for name in PANES:
        assert [text.replace(" ", "") for text in texts(page, name, 1)] == ['{"from":"elsewhere"}']


@pytest.mark.parametrize("pane", PANES[1:])
def test_a_pane_that_was_stopped_misses_nothing(page, pane):
    say(page, "before")
    for name in PANES:
        texts(page, name, 1)
    button = page.locator(f"[data-transport={pane}] header button")
    button.click()
    for number in range(3):
        say(page, f"missed {number}")
        texts(page, "websocket", number + 2)
    assert texts(page, pane, 1) == ["before"]
    button.click()
    assert texts(page, pane, 4) == ["missed 2", "missed 1", "missed 0", "before"]


def test_markup_in_a_message_is_only_text(page):
    say(page, "<img src=x onerror=document.title='broken'>")
    for name in PANES:
        assert texts(page, name, 1) == ["<img src=x onerror=document.title='broken'>"]
    assert "broken" not in page.title()


def test_a_line_break_and_json_are_shown_as_they_are(page):
    page.fill("#message", "one\ntwo")
    page.click("#publish")
    page.select_option("#type", label="JSON")
    texts(page, "sse", 1)
    say(page, '{"a":1}')
    for name in PANES:
        assert texts(page, name, 2) == ['{"a":1}', "one\ntwo"]
    say(page, "{nonsense")
    page.wait_for_function("document.querySelector('#status').textContent.startsWith('Not JSON')")


def test_another_channel_begins_with_empty_panes_and_its_history_on_request(server, page):
    say(page, "on the first")
    texts(page, "websocket", 1)
    publish(server.channel(f"{page.channel}-2"), "kept")
    page.fill("#channel", f"{page.channel}-2")
    page.press("#channel", "Tab")
    page.wait_for_function("document.querySelectorAll('.messages li').length === 0")
    page.check("#history")
    for name in PANES:
        assert texts(page, name, 1) == ["kept"]
