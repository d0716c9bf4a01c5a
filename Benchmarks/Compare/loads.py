"""What is measured: each load in carillon-bench's words, and the sections that the report is made of."""
from dataclasses import dataclass

ALL = ("floor", "carillon", "nio", "nchan", "nodews")
SECURE = ("carillon", "nchan", "nodews")
# What carillon-bench opens before it counts, and what it and a server hold besides connections.
DESCRIPTORS_BESIDE = 300


@dataclass(frozen=True)
class Scale:
    """How much of everything: what a run was asked for."""
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


@dataclass(frozen=True)
class Load:
    """One load, the same for all `servers`: those that have what it needs."""
    name: str
    words: str
    servers: tuple[str, ...] = ALL
    # Of the server, where it is not the run's.
    loops: int | None = None
    rounds_max: int = 1000

    @property
    def kind(self) -> str:
        return self.words.split()[0]

    @property
    def is_secure(self) -> bool:
        return "--tls" in self.words.split()

    @property
    def connections(self) -> int:
        words = self.words.split()
        counts = [int(words[i + 1]) for i, word in enumerate(words) if word in ("--subscribers", "--connections")]
        return sum(counts)

    def command(self, scale: Scale) -> list[str]:
        """Its words, with those of the run's scale."""
        seconds, warmup = ["--seconds", f"{scale.seconds:g}"], ["--warmup", f"{scale.warmup:g}"]
        threads = ["--threads", str(min(scale.generator, self.connections))]
        settle = ["--settle", f"{scale.settle:g}"]
        more = {"idle": [], "churn": [*seconds, *warmup]}
        return [*self.words.split(), *more.get(self.kind, [*seconds, *warmup, *settle, *threads])]


@dataclass(frozen=True)
class Section:
    """A part of the report, and what `make bench ARGS=...` calls it. A sweep has an axis, and of each load its place."""
    name: str
    title: str
    loads: tuple[Load, ...]
    axis: str = ""
    at: tuple[float, ...] = ()


def sections(scale: Scale) -> list[Section]:
    """All of them, in the report's order."""
    fanout = Load("fanout", "fanout --subscribers 1000 --window 8")
    openloop500 = Load("openloop500", "openloop --subscribers 500 --rate 1000")
    idle = min(2_000 if scale.quick else 19_000, scale.descriptors - DESCRIPTORS_BESIDE)
    idle_tls = min(1_000 if scale.quick else 5_000, idle)

    def single(name: str, title: str, words: str, servers: tuple[str, ...] = ALL, **more) -> Section:
        return Section(name, title, (Load(name, words, servers, **more),))

    return [
        Section("fanout", "Fan-out: 1,000 subscribers, 8 in flight", (fanout,)),
        single("fanout10k", "Fan-out: 10,000 subscribers, 4 in flight", "fanout --subscribers 10000 --window 4"),
        single("openloop", "Fixed rate: 100 messages a second to 1,000", "openloop --subscribers 1000 --rate 100"),
        Section("openloop500", "Fixed rate: 1,000 messages a second to 500", (openloop500,)),
        single("sse", "Server-sent events: 1,000 subscribers, 8 in flight",
               "fanout --transport sse --subscribers 1000 --window 8", ("carillon", "nchan")),
        single("ndjson", "HTTP streaming: 1,000 subscribers, 8 in flight",
               "fanout --transport ndjson --subscribers 1000 --window 8", ("carillon",)),
        single("poll", "Long-poll: 1,000 subscribers, 8 in flight",
               "fanout --transport poll --subscribers 1000 --window 8", ("carillon", "nchan")),
        single("tls", "Fan-out under TLS: 1,000 subscribers, 8 in flight",
               "fanout --tls --subscribers 1000 --window 8", SECURE),
        single("churn", "Handshakes", "churn"),
        single("churn-tls", "Handshakes under TLS", "churn --tls", SECURE),
        single("idle", f"Memory: {idle:,} idle connections", f"idle --connections {idle}", rounds_max=1),
        single("idle-sse", f"Memory: {idle:,} idle streams of events", f"idle --transport sse --connections {idle}",
               ("carillon", "nchan"), rounds_max=1),
        single("idle-tls", f"Memory: {idle_tls:,} idle connections under TLS", f"idle --tls --connections {idle_tls}",
               SECURE, rounds_max=1),
        subscribers(fanout, scale),
        rates(openloop500, scale),
        loops(fanout, scale),
    ]


def subscribers(fanout: Load, scale: Scale) -> Section:
    counts = (10, 100, 1_000) if scale.quick else (10, 100, 1_000, 10_000)
    loads = tuple(
        fanout if count == 1_000 else
        Load(f"fanout-{count}", f"fanout --subscribers {count} --window 8", rounds_max=3) for count in counts)
    return Section("subscribers", "Against the number of subscribers, 8 messages in flight", loads, "subscribers", counts)


def rates(openloop500: Load, scale: Scale) -> Section:
    counts = (10, 100, 1_000) if scale.quick else (10, 30, 100, 300, 1_000)
    loads = tuple(
        openloop500 if count == 1_000 else
        Load(f"rate-{count}", f"openloop --subscribers 500 --rate {count}", rounds_max=3) for count in counts)
    return Section("rates", "Against the rate, 500 subscribers", loads, "messages a second", counts)


def loops(fanout: Load, scale: Scale) -> Section:
    counts = sorted({scale.loops, *(1 << power for power in range(scale.loops.bit_length()))})
    # node has one loop and no more.
    several = tuple(server for server in ALL if server != "nodews")
    loads = tuple(
        fanout if count == scale.loops else
        Load(f"loops-{count}", fanout.words, several, loops=count, rounds_max=3) for count in counts)
    return Section("loops", "Against the number of the server's loops", loads, "loops", tuple(counts))
