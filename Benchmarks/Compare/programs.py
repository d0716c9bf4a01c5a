"""Programs that a run starts and waits for.

Asked to end, by a signal, a run does so where it waits, and nowhere else: so no program is started and then
forgotten, and what ends one is not interrupted."""
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

_asked: list[int] = []


def heed_signals() -> None:
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: _asked.append(number))


def end_if_asked() -> None:
    if _asked:
        sys.exit(128 + _asked[0])


def start(command: list[str], **more) -> subprocess.Popen:
    """In a session of its own: an interrupt at the keyboard is for us, who end it then, with all that it started."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **more)


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command: list[str], seconds_max: float = 3600, **more) -> subprocess.CompletedProcess[str]:
    """Waits for its end. Raises TimeoutExpired, or SystemExit when asked to, and has killed it then."""
    with beside(command, **more) as process:
        return finish(process, seconds_max)


@contextlib.contextmanager
def beside(command: list[str], **more) -> Iterator[subprocess.Popen]:
    """Runs while something else is done, and is killed if it still does when that is over."""
    process = start(command, text=True, errors="replace", **more)
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def finish(process: subprocess.Popen, seconds_max: float = 3600) -> subprocess.CompletedProcess[str]:
    """Waits for its end, and leaves it running when it raises as `run` does."""
    limit = time.monotonic() + seconds_max
    while True:
        end_if_asked()
        try:
            printed, _ = process.communicate(timeout=0.2)
            return subprocess.CompletedProcess(process.args, process.returncode, printed)
        except subprocess.TimeoutExpired:
            if time.monotonic() > limit:
                raise
