"""The program as a child process: its addresses are read from what it prints, its end is by its id."""
import queue
import re
import subprocess
import threading
from urllib.parse import quote, urlsplit

URL = re.compile(r"\b(https?)://(127\.0\.0\.1|localhost|\[::1\]):(\d+)")


class Server:
    """`wanted` names the schemes whose addresses are waited for; the flags say it otherwise. `passed` are descriptors
    that the child gets under the same numbers."""

    def __init__(self, binary: str, *words: str, wanted: set[str] | None = None, passed: tuple[int, ...] = ()):
        self.command, self.passed = [binary, *words], passed
        self.wanted = wanted if wanted is not None else {
            "https" if word.startswith("--tls") else "http" for word in words if word.endswith("-listen")}
        self.addresses: dict[str, str] = {}

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            pass_fds=self.passed)
        self.printed: list[str] = []
        lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        while not self.wanted <= self.addresses.keys():
            line = lines.get(timeout=30)
            if line is None:
                code = self.process.wait()
                raise RuntimeError(f"{self.command} ended with {code}:\n" + "".join(self.printed))
            for scheme, host, port in URL.findall(line):
                self.addresses.setdefault(scheme, f"{scheme}://{host}:{port}")
        return self

    def _read(self, lines: queue.Queue) -> None:
        for line in self.process.stdout:
            self.printed.append(line)
            lines.put(line)
        lines.put(None)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_) -> None:
        self.stop()

    def address(self, scheme: str = "http") -> tuple[str, int]:
        parts = urlsplit(self.addresses[scheme])
        return parts.hostname, parts.port

    def url(self, path: str, scheme: str = "http") -> str:
        """`scheme` may be http, https, ws or wss."""
        base = self.addresses["https" if scheme in ("https", "wss") else "http"]
        return scheme + base[base.index(":"):] + path

    def channel(self, name: str, scheme: str = "http", query: str = "") -> str:
        return self.url(f"/channels/{quote(name, safe='')}{'?' + query if query else ''}", scheme)
