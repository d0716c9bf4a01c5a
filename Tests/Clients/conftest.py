"""Starts the program for the tests: once for all that only need `--dev`, and anew for the others."""
import itertools
import os
import pathlib
import shutil

import pytest
from playwright.sync_api import sync_playwright

from running import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CARILLON_BIN", str(ROOT / ".build/release/carillon"))
CHAT = os.environ.get("CARILLON_CHAT_BIN", str(ROOT / ".build/release/Chat"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared():
    """Holds the gateway that `server` lends; a new one after a test that has ended the last one."""
    class Shared:
        running: Server | None = None

        def alive(self) -> Server:
            if self.running is None or self.running.process.poll() is not None:
                self.running = Server(
                    BINARY, "serve", "--dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0").__enter__()
            return self.running

    holder = Shared()
    yield holder
    if holder.running is not None:
        holder.running.stop()


@pytest.fixture
def server(shared):
    """One gateway in `--dev`, on http and https, shared by all tests: use the `channel` fixture.

    Whatever a test sends, the gateway is there afterwards.
    """
    running = shared.alive()
    yield running
    assert running.process.poll() is None, (
        f"the server ended with {running.process.returncode}:\n" + "".join(running.printed[-80:]))


@pytest.fixture
def serve():
    """Starts gateways with flags of the test's own; they end with the test."""
    yield from starting()


@pytest.fixture(scope="module")
def serve_module():
    """The same, for all tests of a file."""
    yield from starting()


def starting():
    started = []

    def start(*flags: str) -> Server:
        if not any(flag.endswith("listen") for flag in flags):
            flags = (*flags, "--listen", "127.0.0.1:0")
        started.append(Server(BINARY, "serve", *flags).__enter__())
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def chat():
    """The example, on the library."""
    with Server(CHAT, "127.0.0.1:0", wanted={"http"}) as running:
        yield running


@pytest.fixture(scope="session")
def browser():
    """Chromium, once for all; a test takes a context of its own."""
    with sync_playwright() as driver:
        # Chromium's sandbox refuses to start as root, as in most containers.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        with driver.chromium.launch(executable_path=CHROMIUM, args=arguments) as running:
            yield running


@pytest.fixture
def binary() -> str:
    return BINARY


@pytest.fixture
def channel(request) -> str:
    """A channel that no other test uses."""
    return f"test:{next(numbers)}-{request.node.originalname}"[:200]


def pytest_addoption(parser):
    parser.addoption("--heavy", action="store_true", help="the faults with more clients and more repetitions")


@pytest.fixture
def heavy(request) -> bool:
    return request.config.getoption("--heavy")


FIGURES = pytest.StashKey[list]()


@pytest.fixture
def figure(request):
    """Notes a figure for the table at the end of the run."""
    kept = request.config.stash.setdefault(FIGURES, [])

    def note(text: str) -> None:
        kept.append((request.node.name.removeprefix("test_").replace("_", " "), text))
        request.node.user_properties.append(("figure", text))

    return note


def pytest_terminal_summary(terminalreporter, config):
    kept = config.stash.get(FIGURES, [])
    if kept:
        terminalreporter.section("faults: figures")
    last = None
    for name, text in kept:
        if name != last:
            terminalreporter.write_line(name)
        terminalreporter.write_line(f"    {text}")
        last = name
