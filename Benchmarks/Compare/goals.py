"""What is to be reached, and whether a run has reached it."""
from dataclasses import dataclass

from Compare.records import Records

BEST = "best"
CPU, P99, HANDSHAKE, MEMORY = "server CPU", "latency p99", "server CPU a handshake", "user memory"
RING = "publish to drain"


@dataclass(frozen=True)
class Goal:
    """Carillon's figure, at most `limit` times that of a (load, server), or at most `limit` of its unit.

    The server may be BEST: whichever other has the least, of those that kept up."""
    work: str
    load: str
    figure: str
    limit: float
    against: tuple[str, str] | None = None


GOALS = (
    Goal("fan-out, 1,000 subscribers", "fanout", CPU, 1.0, ("fanout", "floor")),
    Goal("fan-out, 1,000 subscribers", "fanout", CPU, 0.2, ("fanout", "nchan")),
    Goal("fan-out, 1,000 subscribers", "fanout", CPU, 0.12, ("fanout", "nio")),
    Goal("fan-out, 1,000 subscribers", "fanout", CPU, 0.12, ("fanout-each", "nio")),
    Goal("fan-out, 10,000 subscribers", "fanout10k", CPU, 1.0, ("fanout10k", "floor")),
    Goal("500 subscribers, 1,000 messages a second", "openloop500", CPU, 0.65, ("openloop500", "floor")),
    Goal("500 subscribers, 1,000 messages a second", "openloop500", P99, 1.0, ("openloop500", "floor")),
    Goal("the same, with a batch window of 10 ms", "batched", CPU, 0.4, ("openloop500", "floor")),
    Goal("1,000 subscribers, 100 messages a second", "openloop", CPU, 1.0, ("openloop", "floor")),
    Goal("1,000 subscribers, 100 messages a second", "openloop", P99, 1.0, ("openloop", BEST)),
    Goal("server-sent events", "sse", CPU, 1.1, ("fanout", "carillon")),
    Goal("HTTP streaming", "ndjson", CPU, 1.1, ("fanout", "carillon")),
    Goal("long-poll", "poll", CPU, 8.0, ("fanout", "carillon")),
    Goal("fan-out under TLS", "tls", CPU, 1.6, ("fanout", "carillon")),
    Goal("fan-out under TLS", "tls", CPU, 0.12, ("tls", "nchan")),
    Goal("each connection in 5 of 1,000 rooms", "rooms", CPU, 1.2, ("rooms-one", "floor")),
    Goal("memory of an idle connection", "idle", MEMORY, 600),
    Goal("memory of an idle connection under TLS", "idle-tls", MEMORY, 15_500),
    Goal("ring, 2 writers and 2 readers", "ring", RING, 100),
    Goal("handshake", "churn", HANDSHAKE, 1.0, ("churn", "nchan")),
    Goal("handshake under TLS", "churn-tls", HANDSHAKE, 0.85, ("churn-tls", "nchan")),
)


@dataclass(frozen=True)
class Outcome:
    """Without a value it was not measured, and `why` says what was missing."""
    goal: Goal
    value: float | None = None
    low: float = 0
    high: float = 0
    rounds: int = 0
    against: tuple[str, str] | None = None
    why: str = ""

    @property
    def is_reached(self) -> bool:
        return self.value is not None and not self.why and self.value <= self.goal.limit


def outcome(goal: Goal, records: Records) -> Outcome:
    mine = (goal.load, "carillon")
    if not records.values(*mine, goal.figure):
        return Outcome(goal, why="no sound figure of carillon" if records.of(*mine) else "not in this run")
    # Ours counts only where it kept up; that a peer did not is its own figure.
    why = "behind" if records.is_behind(*mine) else ""
    if goal.against is None:
        values = list(records.values(*mine, goal.figure).values())
        # A figure that is itself one of several runs brings its range.
        least, most = (list(records.values(*mine, f"{goal.figure}, {end}").values()) for end in ("least", "most"))
        return Outcome(goal, records.median(*mine, goal.figure), min(least or values), max(most or values), len(values),
                       None, why)
    load, server = goal.against
    if server == BEST:
        server = best(load, goal.figure, records)
    ratio = records.ratio(mine, (load, server), goal.figure) if server else None
    if ratio is None:
        return Outcome(goal, why=f"no sound figure of {server or 'another server'} in the same round")
    return Outcome(goal, ratio.value, ratio.low, ratio.high, ratio.rounds, (load, server), why)


def best(load: str, figure: str, records: Records) -> str | None:
    medians = {
        server: median for server in records.servers(load)
        if server != "carillon" and not records.is_behind(load, server)
        and (median := records.median(load, server, figure)) is not None}
    return min(medians, key=medians.__getitem__, default=None)
