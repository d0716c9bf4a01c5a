"""Clients made by hand over sockets, for saying what no library would say."""
import base64
import os
import socket
import ssl
import struct

from peers import SECONDS, trusting

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3, with its answer:
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Bare:
    """A TCP or TLS connection; what was read and not used waits in `rest`."""

    def __init__(self, server, scheme: str = "http"):
        self.host, port = server.address(scheme)
        self.socket = socket.create_connection((self.host, port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scheme == "https":
            self.socket = trusting().wrap_socket(self.socket, server_hostname="localhost")
        self.rest = b""

    def send(self, data: bytes) -> None:
        """A server that has already hung up may refuse the rest; what it answered still counts."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            pass

    def more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        self.rest += data
        return bool(data)

    def read(self, count: int) -> bytes:
        while len(self.rest) < count:
            if not self.more():
                raise EOFError(f"closed after {self.rest!r}")
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def head(self) -> tuple[int, dict[str, str]]:
        """One response's status and headers, with names in lower case."""
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                raise EOFError(f"closed after {self.rest!r}")
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        return int(first.split(" ")[1]), {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def response(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = self.head()
        return status, headers, self.read(int(headers.get("content-length", 0)))

    def to_the_end(self) -> bytes:
        """All until the server closes; a server that keeps the connection open fails the test."""
        try:
            while self.more():
                pass
        except TimeoutError:
            raise AssertionError(f"not closed by the server, which said {self.rest[:300]!r}") from None
        data, self.rest = self.rest, b""
        return data

    def close(self) -> None:
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def handshake(path: str, change: dict | None = None, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    """An opening handshake; `change` replaces headers, or leaves out those that it maps to None."""
    headers = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY, **(change or {})}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} {version}", *lines, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = b"\x11\xa2\x33\xc4",
          length_as: int | None = None) -> bytes:
    """RFC 6455 §5.2; `length_as` 126 or 127 writes the length in that form even when a shorter one would do."""
    form = length_as or (len(payload) if len(payload) < 126 else 126 if len(payload) < 65536 else 127)
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | form])
    head += {126: struct.pack("!H", len(payload) & 0xffff), 127: struct.pack("!Q", len(payload))}.get(form, b"")
    if mask is None:
        return head + payload
    repeated = mask * (len(payload) // 4 + 1)
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:len(payload)], "big"))
    return head + mask + masked.to_bytes(len(payload), "big")


class WebSocket(Bare):
    """An open WebSocket whose frames are written by hand."""

    def __init__(self, server, path: str, scheme: str = "http", **headers: str):
        super().__init__(server, scheme)
        self.send(handshake(path, headers))
        status, self.headers = self.head()
        assert status == 101, status

    def frame(self) -> tuple[int, bytes]:
        """The next frame's first byte and payload. A server's frames are not masked (§5.1)."""
        first, second = self.read(2)
        assert second < 128, "the server masked a frame"
        length = second
        if length == 126:
            length, = struct.unpack("!H", self.read(2))
        elif length == 127:
            length, = struct.unpack("!Q", self.read(8))
        return first, self.read(length)

    def close_frame(self) -> bytes:
        """The payload of the close frame; then the server must close the connection (§7.1.1)."""
        first, payload = self.frame()
        while first != 0x80 | CLOSE:
            first, payload = self.frame()
        return payload

    def close_code(self) -> int:
        payload = self.close_frame()
        payload[2:].decode()
        return struct.unpack("!H", payload[:2])[0]


def new_key() -> str:
    return base64.b64encode(os.urandom(16)).decode()
