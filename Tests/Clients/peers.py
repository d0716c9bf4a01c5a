"""Subscribers and publishers on real client libraries, each giving messages as (id, data) in order.

A subscriber is open, and will see what is published from then on, when its constructor returns.
"""
import base64
import json
import ssl
import subprocess

import httpx
from websockets.sync.client import connect

SECONDS = 20


def trusting() -> ssl.SSLContext:
    """Accepts the certificate that `--dev` has made on the spot.

    Not `create_default_context`, which reads all the authorities there are: a fortieth of a second each time.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def web(**more) -> httpx.Client:
    return httpx.Client(verify=False, timeout=SECONDS, trust_env=False, **more)


def socket(url: str, **more):
    tls = {}
    if url.startswith("wss:"):
        tls["ssl"] = trusting()
        # This client reads in one thread and writes in another, and Python 3.11 does not keep the two apart: under
        # TLS 1.3 a ticket that arrives while the request is written loses the request, whoever the server is. The
        # other clients speak 1.3.
        tls["ssl"].maximum_version = ssl.TLSVersion.TLSv1_2
    # Unbounded queues: one that is full and not read would keep the close frame from being seen.
    manager = connect(url, proxy=None, open_timeout=SECONDS, close_timeout=SECONDS, max_size=None, max_queue=None,
                      **tls, **more)
    # Closed by whoever asked for it, not at the end of a block here.
    return manager.__enter__()


def curl(*arguments: str, body: bytes | None = None) -> bytes:
    done = subprocess.run(["curl", "-ksS", "--noproxy", "*", "--max-time", str(SECONDS), *arguments],
                          input=body, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def publish(url: str, data, content_type: str | None = None, **headers: str) -> str:
    """Publishes over HTTP; text, bytes, or what JSON can say. Gives the id."""
    if isinstance(data, str):
        body, content_type = data.encode(), content_type or "text/plain; charset=utf-8"
    elif isinstance(data, bytes):
        body, content_type = data, content_type or "application/octet-stream"
    else:
        body, content_type = json.dumps(data).encode(), content_type or "application/json"
    with web() as client:
        answer = client.post(url, content=body, headers={"Content-Type": content_type, **headers})
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()["id"]


class Subscriber:
    """What the five have in common; `gap` tells whether one was announced."""
    gap = False

    def take(self, count: int) -> list[tuple]:
        return [self.next() for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class HTTP(Subscriber):
    accept = "*/*"

    def __init__(self, url: str, **headers: str):
        self.client = web()
        request = self.client.build_request("GET", url, headers={"Accept": self.accept, **headers})
        self.response = self.client.send(request, stream=True)
        if self.response.status_code != 200:
            self.response.read()
            raise AssertionError(f"{self.response.status_code} {self.response.text}")
        self.lines = self.response.iter_lines()

    def close(self) -> None:
        self.response.close()
        self.client.close()


class ServerSentEvents(HTTP):
    """WHATWG HTML §9.2.6, as a browser reads it."""
    accept = "text/event-stream"
    last_event = "message"

    def next(self) -> tuple[str, str]:
        while True:
            event, data, identifier = "message", [], None
            for line in self.lines:
                if not line:
                    break
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if field == "data":
                    data.append(value)
                elif field == "event":
                    event = value
                elif field == "id":
                    identifier = value
            else:
                raise EOFError
            self.last_event = event
            if event == "gap":
                self.gap = True
            elif data:
                # A block with an id and no data line only says where the reader stands.
                return identifier, "\n".join(data)


class Stream(HTTP):
    accept = "application/x-ndjson"

    def next(self) -> tuple:
        for line in self.lines:
            if not line.strip():
                continue
            self.last = json.loads(line)
            if "gap" in self.last:
                self.gap = True
            elif "data" in self.last:
                return self.last["id"], self.last["data"]
        raise EOFError


class LongPoll(Subscriber):
    """Knows where it is by the ETag alone; the first poll, which does not wait, asks for it."""

    def __init__(self, url: str, **headers: str):
        self.client, self.url, self.ready, self.etag = web(), url, [], None
        self.polls = 0
        self._poll({"timeout": "0"}, headers)

    def _poll(self, more: dict, headers: dict) -> None:
        if self.etag:
            headers = {**headers, "If-None-Match": self.etag}
        url = httpx.URL(self.url).copy_merge_params(more)
        self.answer = self.client.get(url, headers=headers)
        assert self.answer.status_code in (200, 204), f"{self.answer.status_code} {self.answer.text}"
        self.etag = self.answer.headers["ETag"]
        self.gap = self.gap or "Carillon-Gap" in self.answer.headers
        if self.answer.status_code == 200:
            self.ready += [(one["id"], one["data"]) for one in self.answer.json()["messages"]]
        self.polls += 1

    def next(self) -> tuple:
        while not self.ready:
            self._poll({}, {})
        return self.ready.pop(0)

    def close(self) -> None:
        self.client.close()


class Raw(Subscriber):
    """Frames are messages; there are no ids."""

    def __init__(self, url: str, **more):
        self.socket = socket(url, **more)

    def next(self) -> tuple:
        return None, self.socket.recv(timeout=SECONDS)

    def send(self, data) -> None:
        self.socket.send(data)

    def close(self) -> None:
        self.socket.close()


class V1(Subscriber):
    """carillon.v1: commands and messages as JSON objects."""

    def __init__(self, url: str, channel: str | None = None, after: str | None = None, **more):
        self.socket = socket(url, subprotocols=["carillon.v1"], **more)
        self.ready: list[dict] = []
        self.reference = 0
        if channel is not None:
            self.command("subscribe", channel=channel, **({"after": after} if after else {}))

    def receive(self) -> dict:
        return json.loads(self.socket.recv(timeout=SECONDS))

    def send(self, op: str, **fields) -> None:
        self.socket.send(json.dumps({"op": op, **fields}))

    def command(self, op: str, **fields) -> dict:
        """Sends a command and waits for its answer; keeps the messages that come before it."""
        self.reference += 1
        self.send(op, ref=self.reference, **fields)
        while True:
            answer = self.receive()
            if answer.get("ok") == self.reference or "error" in answer and answer.get("ref") == self.reference:
                return answer
            self.ready.append(answer)

    def next_message(self) -> dict:
        while True:
            one = self.ready.pop(0) if self.ready else self.receive()
            if "gap" in one:
                self.gap = True
            elif "data" in one:
                return one

    def next(self) -> tuple:
        one = self.next_message()
        return one["id"], one["data"]

    def close(self) -> None:
        self.socket.close()


def subscriber(kind: str, server, channel: str, scheme: str = "http", after: str | None = None) -> Subscriber:
    """Any of the five, resuming after an id in the way that suits it."""
    secure = scheme == "https"
    if kind == "raw":
        return Raw(server.channel(channel, "wss" if secure else "ws", f"after={after}" if after else ""))
    if kind == "v1":
        return V1(server.url("/connect", "wss" if secure else "ws"), channel, after)
    url = server.channel(channel, scheme)
    if kind == "sse":
        return ServerSentEvents(url, **({"Last-Event-ID": after} if after else {}))
    if kind == "stream":
        return Stream(url + (f"?after={after}" if after else ""))
    return LongPoll(url, **({"If-None-Match": f'"{after}"'} if after else {}))


KINDS = ["raw", "v1", "sse", "stream", "long-poll"]
KINDS_WITH_IDS = KINDS[1:]


def base64_of(data: bytes) -> dict:
    return {"base64": base64.b64encode(data).decode()}
