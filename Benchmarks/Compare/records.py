"""What the measurements found, and what can be said of it: medians, and ratios round by round.

Only sound records count: nothing lost, closed or wrong, and the load put on as planned."""
import json
import pathlib
import statistics
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Record:
    """One measurement of one server in one round."""
    load: str
    server: str
    round: int
    figures: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    # What went wrong, in words; nothing when all went well.
    trouble: str = ""
    # Messages that were still on their way at the end: the server did not keep up.
    behind: int = 0

    @staticmethod
    def read(report: pathlib.Path, load: str, server: str, round: int) -> "Record":
        """From what carillon-bench wrote."""
        text = json.loads(report.read_text())
        tally = text.get("tally") or {}
        behind = tally.pop("unfinished", 0)
        troubles = [f"{name} {count}" for name, count in sorted(tally.items()) if count]
        if text.get("note"):
            troubles.append(text["note"])
        figures = {figure["name"]: figure["value"] for figure in text["figures"]}
        units = {figure["name"]: figure["unit"] for figure in text["figures"]}
        for point in text.get("percentiles") or []:
            figures[f"latency p{point['percentile']:g}"] = point["value"]
        return Record(load, server, round, figures, units, ", ".join(troubles), behind)

    @property
    def is_sound(self) -> bool:
        return not self.trouble


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' own ratios: what disturbs one minute disturbs both servers in it."""
    value: float
    low: float
    high: float
    rounds: int


class Records:
    def __init__(self, records: list[Record]):
        self.all = records
        self._by: dict[tuple[str, str], list[Record]] = {}
        for record in sorted(records, key=lambda record: record.round):
            self._by.setdefault((record.load, record.server), []).append(record)

    def of(self, load: str, server: str) -> list[Record]:
        """In the rounds' order."""
        return self._by.get((load, server), [])

    def servers(self, load: str) -> list[str]:
        return [server for name, server in self._by if name == load]

    def values(self, load: str, server: str, figure: str) -> dict[int, float]:
        """By round, where it was sound."""
        return {record.round: record.figures[figure] for record in self.of(load, server)
                if record.is_sound and figure in record.figures}

    def median(self, load: str, server: str, figure: str) -> float | None:
        values = self.values(load, server, figure)
        return statistics.median(values.values()) if values else None

    def ratio(self, mine: tuple[str, str], other: tuple[str, str], figure: str) -> Ratio | None:
        """Of two pairs of load and server. None without a round in which both were sound."""
        own, base = self.values(*mine, figure), self.values(*other, figure)
        ratios = [own[round] / base[round] for round in own if base.get(round, 0) > 0]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios), len(ratios)) if ratios else None

    def is_behind(self, load: str, server: str) -> bool:
        return any(record.behind for record in self.of(load, server))

    def remark(self, load: str, server: str) -> str:
        """What is to be known about the figures."""
        records = self.of(load, server)
        bad = [record for record in records if not record.is_sound]
        words = [f"{len(bad)} of {len(records)} refused: {bad[0].trouble}"] if bad else []
        return "; ".join(words + (["behind"] if self.is_behind(load, server) else []))

    def unit(self, load: str, figure: str) -> str:
        return next((record.units[figure] for record in self.all if record.load == load and figure in record.units), "")

    def to_json(self) -> list[dict]:
        return [asdict(record) for record in self.all]

    @staticmethod
    def from_json(listed: list[dict]) -> "Records":
        return Records([Record(**one) for one in listed])
