"""Runs the Autobahn WebSocket testsuite against a raw channel, whose own frames come back: an echo.

Usage: autobahn.py [--groups 1,2,3] [--server PATH] [--url URL] [-- FLAGS FOR THE SERVER]

The suite is Python 2.7 only. It goes into a virtual environment, .build-autobahn; without a Python 2.7
nothing can be run, and the script says so and exits with 77. Standard library only, for any Python 3.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
HOME = ROOT / ".build-autobahn"
REPORTS = ROOT / ".build-autobahn-reports"
NOT_POSSIBLE = 77

# How many cases each group holds; a suite that ran fewer proves less than it seems to.
CASES = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1, 12: 90, 13: 126}

# Cases that may be NON-STRICT, each with its reason. None so far.
NON_STRICT_ALLOWED: dict[str, str] = {}


def python27() -> str | None:
    """The first CPython 2.7 that really runs: a pyenv shim may be on PATH with nothing behind it."""
    places = [shutil.which("python2.7"), shutil.which("python2")]
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    places += [str(path) for path in sorted(pyenv.glob("versions/2.7*/bin/python2.7"), reverse=True)]
    for place in filter(None, places):
        asked = subprocess.run(
            [place, "-c", "import sys; print(sys.version_info[:2] == (2, 7))"], capture_output=True, text=True)
        if asked.returncode == 0 and asked.stdout.strip() == "True":
            return place
    return None


def suite() -> pathlib.Path:
    """The path of wstest, installed when it is not there or its requirements have changed."""
    wanted = (HERE / "requirements.txt").read_text() + (HERE / "virtualenv.txt").read_text()
    stamp = HOME / "installed.txt"
    wstest = HOME / "bin" / "wstest"
    if stamp.exists() and stamp.read_text() == wanted and wstest.exists():
        return wstest
    python = python27()
    if python is None:
        print("Autobahn: not run, since there is no Python 2.7 here, on PATH or under pyenv. "
              "To run it: pyenv install 2.7.18")
        sys.exit(NOT_POSSIBLE)
    print(f"Autobahn: installing the testsuite with {python}", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    tool = HOME / "tool"
    run([sys.executable, "-m", "venv", tool])
    run([tool / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "virtualenv.txt"])
    run([tool / "bin/virtualenv", "-q", "-p", python, HOME])
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    run([HOME / "bin/pip", "install", "-q", "--no-python-version-warning", "-r", HERE / "requirements.txt"],
        environment)
    stamp.write_text(wanted)
    return wstest


def run(command: list, environment: dict | None = None) -> None:
    subprocess.run([str(part) for part in command], check=True, env=environment)


def started(server: str, flags: list[str]) -> tuple[subprocess.Popen, str]:
    """The server on a port of the kernel's choice, and its address, read from what it prints."""
    process = subprocess.Popen(
        [server, "serve", "--dev", "--listen", "127.0.0.1:0", *flags], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found:
            return process, f"ws://127.0.0.1:{found[1]}/channels/echo"
    sys.exit(f"Autobahn: {server} ended with {process.wait()} before it printed an address")


def judge(report: dict, groups: list[int]) -> list[str]:
    """What is wrong, one line each."""
    wrong = []
    ran = collections.Counter(int(case.split(".")[0]) for case in report)
    for group in groups:
        if ran[group] < CASES[group]:
            wrong.append(f"group {group}: only {ran[group]} of {CASES[group]} cases were run")
    for case in sorted(report, key=lambda case: [int(part) for part in case.split(".")]):
        behavior, close = report[case]["behavior"], report[case]["behaviorClose"]
        if behavior == "NON-STRICT" and case in NON_STRICT_ALLOWED:
            behavior = "OK"
        if {behavior, close} - {"OK", "INFORMATIONAL"}:
            wrong.append(f"{case}: {behavior}, close {close} (see {report[case]['reportfile']})")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", default=",".join(map(str, CASES)))
    parser.add_argument("--server", default=os.environ.get("CARILLON_BIN", ROOT / ".build/release/carillon"))
    parser.add_argument("--url", help="a server that is running already")
    parser.add_argument("flags", nargs="*", help="for the server")
    options = parser.parse_args()
    groups = [int(group) for group in options.groups.split(",")]
    wstest = suite()
    process, url = (None, options.url) if options.url else started(str(options.server), options.flags)
    shutil.rmtree(REPORTS, ignore_errors=True)
    specification = {
        "outdir": str(REPORTS),
        "servers": [{"agent": "carillon", "url": url}],
        "cases": [f"{group}.*" for group in groups],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "fuzzingclient.json"
            path.write_text(json.dumps(specification))
            # wstest exits with 0 whatever it found, and prints a line or more per case.
            log = open(pathlib.Path(folder) / "log", "w+")
            code = subprocess.run(
                [wstest, "-m", "fuzzingclient", "-s", path], cwd=folder, stdout=log, stderr=log).returncode
            log.seek(0)
            if code or not (REPORTS / "index.json").exists():
                print(log.read()[-4000:])
                return 1
        if process is not None and process.poll() is not None:
            print(f"Autobahn: the server ended with {process.returncode}")
            return 1
    finally:
        if process is not None:
            process.kill()
            process.wait()
    report = json.loads((REPORTS / "index.json").read_text()).get("carillon", {})
    wrong = judge(report, groups)
    for line in wrong:
        print(f"Autobahn: {line}")
    kinds = collections.Counter(one["behavior"] for one in report.values())
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    print(f"Autobahn: {len(report)} cases in groups {options.groups}: {counts}; {len(wrong)} wrong. "
          f"Report: {REPORTS.relative_to(ROOT)}/index.html")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
