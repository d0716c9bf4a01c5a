"""What is measured: each load in carillon-bench's words, and the sections that the report is made of."""
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

ALL = ("floor", "carillon", "nio", "nchan", "nodews")
# All but node's, which has one loop and one channel.
SEVERAL = ("floor", "carillon", "nio", "nchan")
SECURE = ("carillon", "nchan", "nodews")
# Those whose curves a quick run draws.
QUICK = ("floor", "carillon", "nio")
# What carillon-bench opens before it counts, and what it and a server hold besides connections.
DESCRIPTORS_BESIDE = 300


@dataclass(frozen=True)
class Scale:
    """How much of everything: what a run was asked for, and what the machine allows."""
    quick: bool
    rounds: int
    seconds: float
    warmup: float
    settle: float
    # Loops, workers or threads of each server; threads of the generator.
    loops: int
    generator: int
    # What one process may open.
    descriptors: int
    # Real ones at the most, where it is their number that matters; 0: that is not measured.
    connections: int = 0


@dataclass(frozen=True)
class Load:
    """One load, the same for all `servers`: those that have what it needs."""
    name: str
    # In few words, beside others of its section.
    label: str
    words: str
    servers: tuple[str, ...] = ALL
    # Of the servers, where it is not the run's.
    loops: int | None = None
    # More for the server's command.
    flags: tuple[str, ...] = ()
    rounds_max: int = 1000
    # Has the words as its arguments; carillon-parts needs no server.
    program: str = "carillon-bench"
    # Processes of the server that share a port, where one may not open as many connections. They are told, too.
    gateways: int = 0
    seconds_max: int = 180

    @property
    def kind(self) -> str:
        return self.words.split()[0]

    @property
    def is_secure(self) -> bool:
        return "--tls" in self.words.split()

    @property
    def needs_server(self) -> bool:
        return self.program == "carillon-bench"

    @property
    def connections(self) -> int:
        """Those of one process; 0 where it opens none, or only as many as it may."""
        if not self.needs_server or self.gateways:
            return 0
        words = self.words.split()
        counts = [int(words[i + 1]) for i, word in enumerate(words) if word in ("--subscribers", "--connections")]
        return sum(counts)

    def command(self, scale: Scale) -> list[str]:
        """Its words, with those of the run's scale."""
        if not self.needs_server:
            return self.words.split()
        seconds, warmup = ["--seconds", f"{scale.seconds:g}"], ["--warmup", f"{scale.warmup:g}"]
        threads = ["--threads", str(min(scale.generator, self.connections))]
        settle = ["--settle", f"{scale.settle:g}"]
        # Some servers go on growing for long.
        more = {"idle": ["--settle-max", "1"] if scale.quick else [], "churn": [*seconds, *warmup]}
        return [*self.words.split(), *more.get(self.kind, [*seconds, *warmup, *settle, *threads])]


@dataclass(frozen=True)
class Section:
    """A part of the report. A sweep has an axis, and of each load its place on it; other loads stand side by side."""
    name: str
    title: str
    loads: tuple[Load, ...]
    axis: str = ""
    at: tuple[float, ...] = ()
    # What is to be known before the tables.
    note: str = ""
    # Whether one table shows all loads, which then have one server; else each has a table.
    is_one_table: bool = False

    def only(self, keeps: Callable[[Load], bool]) -> "Section":
        """With fewer loads."""
        kept = [index for index, load in enumerate(self.loads) if keeps(load)]
        at = tuple(self.at[index] for index in kept) if self.axis else ()
        return replace(self, loads=tuple(self.loads[index] for index in kept), at=at)


def sections(scale: Scale) -> list[Section]:
    """All of them, in the report's order."""
    fanout = Load("fanout", "WebSocket", "fanout --subscribers 1000 --window 8")
    openloop500 = Load("openloop500", "WebSocket", "openloop --subscribers 500 --rate 1000")
    return [
        Section("transports", "Fan-out: 1,000 subscribers, 8 messages in flight", (
            fanout,
            Load("fanout-each", "unbatched", fanout.words, ("nio",), flags=("--write", "messages")),
            Load("sse", "events", "fanout --transport sse --subscribers 1000 --window 8", ("carillon", "nchan")),
            Load("ndjson", "streaming", "fanout --transport ndjson --subscribers 1000 --window 8", ("carillon",)),
            Load("poll", "long-poll", "fanout --transport poll --subscribers 1000 --window 8", ("carillon", "nchan")),
            Load("tls", "TLS", "fanout --tls --subscribers 1000 --window 8", SECURE)),
            note="Unbatched is the SwiftNIO relay that writes and flushes each message by itself, as a first program does; "
            "else it writes once a turn."),
        Section("many", "Fan-out: 10,000 subscribers, 4 messages in flight", (
            Load("fanout10k", "WebSocket", "fanout --subscribers 10000 --window 4", SEVERAL if scale.quick else ALL),)),
        Section("slow", "Fixed rate: 100 messages a second to 1,000 subscribers", (
            Load("openloop", "WebSocket", "openloop --subscribers 1000 --rate 100"),)),
        Section("fast", "Fixed rate: 1,000 messages a second to 500 subscribers", (
            openloop500,
            Load("batched", "batch window of 10 ms", openloop500.words, ("carillon",),
                 flags=("--namespace", "*,batch=10ms")))),
        Section("rooms", "Rooms of 50: 10,000 connections, 8 messages in flight", (
            Load("rooms", "each in 5 of 1,000", "rooms --subscribers 10000 --rooms 1000 --each 5", ("carillon",)),
            Load("rooms-one", "each in 1 of 200", "rooms --subscribers 10000 --rooms 200 --each 1", SEVERAL))),
        Section("echo", "Echo: 1,000 connections, one message each in flight", (
            Load("echo", "WebSocket", "echo --subscribers 1000", ("floor", "carillon")),)),
        Section("storm", "Reconnect storm: 5,000 subscribers cut at once, 10 messages a second", (
            # What is published while they are away must be kept.
            Load("storm", "WebSocket", "storm --subscribers 5000 --rate 10", ("carillon",),
                 flags=("--history", "100000")),)),
        memory(scale),
        million(scale),
        *([connections(scale)] if scale.connections else []),
        Section("ring", "The ring: publish to drain, 2 writers and 2 readers", (
            Load("ring", "1,000,000 messages a run", "ring --writers 2 --readers 2", ("carillon",),
                 program="carillon-parts"),)),
        Section("handshakes", "Handshakes", (
            Load("churn", "plain", "churn"), Load("churn-tls", "TLS", "churn --tls", SECURE))),
        subscribers(fanout, scale),
        rates(openloop500, scale),
        loops(fanout, scale),
    ]


def memory(scale: Scale) -> Section:
    plain = min(2_000 if scale.quick else 19_000, scale.descriptors - DESCRIPTORS_BESIDE)
    tls = min(1_000 if scale.quick else 5_000, plain)
    events = Load("idle-sse", f"{plain:,} of events", f"idle --transport sse --connections {plain}",
                  ("carillon", "nchan"), rounds_max=1)
    return Section("memory", "Memory of idle connections", (
        Load("idle", f"{plain:,} plain", f"idle --connections {plain}", rounds_max=1),
        *(() if scale.quick else (events,)),
        Load("idle-tls", f"{tls:,} with TLS", f"idle --tls --connections {tls}", SECURE, rounds_max=1)))


def million(scale: Scale) -> Section:
    def load(name: str, label: str, words: str) -> Load:
        return Load(name, label, f"hub --connections 1000000 {words}", ("carillon",), rounds_max=1,
                    program="carillon-parts")

    websocket = load("million", "WebSockets on one channel", f"--rounds {3 if scale.quick else 9}")
    more = (load("million-channels", "WebSockets on 1,000 channels", "--channels 1000"),
            load("million-loops", "WebSockets on two loops", "--loops 2"),
            load("million-sse", "event streams on one channel", "--shape sse"),
            load("million-idle", "before a first request", "--shape idle"))
    shapes = (websocket,) if scale.quick else (websocket, *more)
    return Section(
        "million", "A million connections: a simulation", shapes, is_one_table=True,
        note="Connections in the hub, in one process, without sockets: what Carillon's own code keeps of each, and how "
        "long the turn takes that has a message for all 1,000,000. To a real connection come the rim's 32 bytes, the "
        "kernel's sockets and a write each.")


# Of a process's descriptors: who shares a port gets its connections by a hash, some more and some fewer.
FILLED = 0.94
# What carillon-bench may start.
GENERATORS_MAX = 64


def generated_max(descriptors: int) -> int:
    """How many connections the generator can open, with as many processes as it may start."""
    return GENERATORS_MAX * max(0, descriptors - DESCRIPTORS_BESIDE)


def connections(scale: Scale) -> Section:
    each = scale.descriptors - DESCRIPTORS_BESIDE
    count, gateways = scale.connections, math.ceil(scale.connections / (each * FILLED))
    generators = math.ceil(count / each)
    first = 50 * gateways
    words = f"idle --connections {count - first} --first {first} --processes {generators}"
    many = Load(
        "connections", f"{count:,} connections", words, ("carillon",), loops=1, rounds_max=1, gateways=gateways,
        # Idle means idle: no heartbeat comes in between.
        flags=("--reuse-port", "--heartbeat-seconds", "3600", "--silence-seconds", "7200"), seconds_max=900)
    return Section(
        "connections", f"A million connections: {count:,} real ones", (many,),
        note="WebSockets that stay idle, over loopback. Gateways of one loop that share the port: "
        f"{gateways}; processes of the generator, at the other ends: {generators}; one process may open "
        f"{scale.descriptors:,} descriptors here. A whole run opens as many connections as memory and descriptors "
        "allow, a million at the most, a quick one 10,000. When memory has been read, a message is published at each "
        "gateway, which reaches that process's own connections only, until every connection has received one.")


def subscribers(fanout: Load, scale: Scale) -> Section:
    counts = (10, 100, 1_000) if scale.quick else (10, 100, 1_000, 10_000)

    def load(count: int) -> Load:
        words = f"fanout --subscribers {count} --window 8"
        servers = QUICK if scale.quick else ALL
        return fanout if count == 1_000 else Load(f"fanout-{count}", f"{count:,}", words, servers, rounds_max=3)

    title = "Against the number of subscribers, 8 messages in flight"
    return Section("subscribers", title, tuple(map(load, counts)), "subscribers", counts)


def rates(openloop500: Load, scale: Scale) -> Section:
    counts = (10, 100, 1_000) if scale.quick else (10, 30, 100, 300, 1_000)

    def load(count: int) -> Load:
        words = f"openloop --subscribers 500 --rate {count}"
        servers = QUICK if scale.quick else ALL
        return openloop500 if count == 1_000 else Load(f"rate-{count}", f"{count:,}", words, servers, rounds_max=3)

    return Section("rates", "Against the rate, 500 subscribers", tuple(map(load, counts)), "messages a second", counts)


def loops(fanout: Load, scale: Scale) -> Section:
    counts = tuple(sorted({scale.loops, *(1 << power for power in range(scale.loops.bit_length()))}))
    several = QUICK if scale.quick else SEVERAL

    def load(count: int) -> Load:
        label = f"{count} {'loop' if count == 1 else 'loops'}"
        alike = Load(f"loops-{count}", label, fanout.words, several, loops=count, rounds_max=3)
        return fanout if count == scale.loops else alike

    return Section("loops", "Against the number of the server's loops", tuple(map(load, counts)), "loops", counts)
