"""The servers that are compared: how each is found and started, and how all are ended again.

Ends only processes that it started, by their number."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from Compare import programs

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
NGINX_MODULES = pathlib.Path("/usr/lib/nginx/modules")
NODE_MODULES = pathlib.Path("/usr/share/nodejs")
NIO_BUILD = ROOT / ".build-nio"
RELAY = NIO_BUILD / "release/nio-relay"
STARTING_SECONDS_MAX = 10
ENDING_SECONDS_MAX = 5


class Missing(Exception):
    """A server is not here; says why."""


@dataclass(frozen=True)
class Place:
    """What all servers are started with."""
    # Where SwiftPM put the programs.
    programs: pathlib.Path
    # Theirs alone; it is removed when the run ends.
    work: pathlib.Path
    descriptors: int

    @property
    def certificate(self) -> str:
        return str(self.work / "cert.pem")

    @property
    def key(self) -> str:
        return str(self.work / "key.pem")


@dataclass(frozen=True)
class Listening:
    """Where a server is to listen, and with how many loops, threads or workers."""
    port: int
    tls_port: int
    loops: int


def program(path: pathlib.Path | str | None, name: str) -> str:
    if not path or not os.access(path, os.X_OK):
        raise Missing(f"there is no {name}")
    return str(path)


def floor(place: Place, at: Listening) -> list[str]:
    return [program(place.programs / "floor", "floor"), "--port", str(at.port), "--threads", str(at.loops)]


def carillon(place: Place, at: Listening) -> list[str]:
    return [program(place.programs / "carillon", "carillon"), "serve", "--dev", "--loops", str(at.loops),
            "--listen", f"127.0.0.1:{at.port}", "--tls-listen", f"127.0.0.1:{at.tls_port}",
            "--tls-cert", place.certificate, "--tls-key", place.key]


def nio(place: Place, at: Listening) -> list[str]:
    return [program(RELAY, "nio-relay"), "--port", str(at.port), "--threads", str(at.loops)]


def nchan(place: Place, at: Listening) -> list[str]:
    nginx = program(shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "nginx")
    if not (NGINX_MODULES / "ngx_nchan_module.so").exists():
        raise Missing("nginx has no nchan")
    values = {
        "MODULES": NGINX_MODULES, "FOLDER": place.work, "PORT": at.port, "TLS_PORT": at.tls_port,
        "WORKERS": at.loops, "CERT": place.certificate, "KEY": place.key,
        # nginx allocates for each that it may open, in each worker.
        "DESCRIPTORS": min(place.descriptors, 200_000),
    }
    text = (HERE / "Peers/nchan.conf.in").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    configuration = place.work / f"nchan-{at.port}.conf"
    configuration.write_text(text)
    return [nginx, "-e", str(place.work / "error.log"), "-c", str(configuration)]


def nodews(place: Place, at: Listening) -> list[str]:
    # Debian's node finds Debian's ws.
    node = program(shutil.which("node", path="/usr/bin:" + os.environ["PATH"]), "node")
    if not (NODE_MODULES / "ws").is_dir():
        raise Missing("node has no ws")
    return ["env", f"NODE_PATH={NODE_MODULES}", node, str(HERE / "Peers/ws-relay.js"), "--port", str(at.port),
            "--tls-port", str(at.tls_port), "--cert", place.certificate, "--key", place.key]


COMMANDS = {"floor": floor, "carillon": carillon, "nio": nio, "nchan": nchan, "nodews": nodews}


def said(*command: str) -> str:
    """What a command printed; nothing when it could not."""
    with contextlib.suppress(OSError):
        ran = programs.run(list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
        return ran.stdout.strip() if ran.returncode == 0 else ""
    return ""


def versions(present: list[str]) -> dict[str, str]:
    """Of the servers that take part, and of what they are built with or run on."""
    ws, pins = NODE_MODULES / "ws/package.json", HERE / "Peers/NIO/Package.resolved"
    node = shutil.which("node", path="/usr/bin:" + os.environ["PATH"]) or "node"
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx"
    commit = said("git", "describe", "--always", "--dirty", "--exclude", "*")
    found = {
        "Carillon": ("carillon", "commit " + (commit or "unknown")),
        "libuv": ("carillon", said("pkg-config", "--modversion", "libuv")),
        "OpenSSL": ("carillon", said("openssl", "version").removeprefix("OpenSSL ").split(" (")[0]),
        "SwiftNIO": ("nio", pinned(pins, "swift-nio") if pins.exists() else ""),
        "nginx": ("nchan", said(nginx, "-v").removeprefix("nginx version: nginx/")),
        "nchan": ("nchan", said("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan")),
        "node": ("nodews", said(node, "--version").removeprefix("v")),
        "ws": ("nodews", json.loads(ws.read_text())["version"] if ws.exists() else ""),
    }
    compiler = {"compiler": said("swift", "--version").split("\n")[0], "built with": "swift build -c release"}
    return compiler | {name: version for name, (server, version) in found.items() if version and server in present}


def pinned(resolved: pathlib.Path, package: str) -> str:
    pins = json.loads(resolved.read_text())["pins"]
    return next((pin["state"]["version"] for pin in pins if pin["identity"] == package), "")


def make_certificate(place: Place) -> None:
    """One key for all servers; its kind decides what a handshake costs."""
    made = programs.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", place.key, "-out", place.certificate], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        sys.exit(f"openssl made no certificate: {made.stdout}")


def free_ports(count: int) -> list[int]:
    """Those that nobody listens on just now, below those that the kernel gives to clients."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    sys.exit(f"only {len(found)} of ports 20000 to 31999 are free, and {count} are needed")


@dataclass(frozen=True)
class Asked:
    """Which server, and how it is started."""
    name: str
    loops: int
    flags: tuple[str, ...] = ()
    # Processes of Carillon that share its port, each with one of its own, too; 0: one as all others.
    copies: int = 0


class Running:
    """A server that was started and accepts connections."""

    def __init__(self, asked: Asked, place: Place):
        port, tls_port, *own = free_ports(2 + asked.copies)
        self.at = Listening(port, tls_port, asked.loops)
        self.command = [*COMMANDS[asked.name](place, self.at), *asked.flags]
        self.own_ports = own
        self.log = place.work / f"{asked.name}.log"
        self.processes: list[subprocess.Popen] = []
        try:
            with open(self.log, "ab") as log:
                for more in [["--listen", f"127.0.0.1:{port}"] for port in own] or [[]]:
                    self.processes.append(programs.start([*self.command, *more], stdout=log, stderr=log))
            for one in own or [port]:
                self._await(one)
        except BaseException:
            self.end()
            raise

    def _await(self, port: int) -> None:
        limit = time.monotonic() + STARTING_SECONDS_MAX
        while time.monotonic() < limit and self.is_alive:
            programs.end_if_asked()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.02)
        raise Missing(f"it did not start: {self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    @property
    def is_alive(self) -> bool:
        return all(process.poll() is None for process in self.processes)

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        limit = time.monotonic() + ENDING_SECONDS_MAX
        for process in self.processes:
            try:
                process.wait(max(0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                programs.kill(process)


class Fleet:
    """The servers that run now. All are ended with the `with` that it stands in, however that ends."""

    def __init__(self, place: Place):
        self.place = place
        self.running: dict[Asked, Running] = {}

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_) -> None:
        for asked in list(self.running):
            self.end(asked)

    def get(self, asked: Asked) -> Running:
        """One that runs. Raises Missing when it can't be started."""
        server = self.running.get(asked)
        if server is None or not server.is_alive:
            self.end(asked)
            server = self.running[asked] = Running(asked, self.place)
        return server

    def end(self, asked: Asked) -> None:
        if server := self.running.pop(asked, None):
            server.end()
