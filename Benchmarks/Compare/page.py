"""The report: a page of Markdown, its plots beside it, and the figures that both are made of."""
import json
import pathlib
import shlex
from collections import Counter
from dataclasses import dataclass

from Compare import plots
from Compare.goals import BEST, GOALS, P99, Outcome, outcome
from Compare.loads import Load, Scale, Section, sections
from Compare.records import Records

# What is worth a column, in this order.
COLUMNS = (
    "server CPU", "server user", "deliveries a second", "server busy", "generator busy", "latency p50", "latency p99",
    "user memory", "kernel socket buffers", "kernel slab", "handshakes a second", "server CPU a handshake",
    "round trips a second", "server CPU a round trip", "server CPU a resume", "back p50", "back p99", "all back",
    "all caught up", "heap", "CPU to open", "opening", "message to all", "CPU a delivery", "publish to drain",
    "publish to drain, least", "publish to drain, most")
# What servers are compared by: the first that a load has.
COMPARED = (
    "server CPU", "user memory", "server CPU a handshake", "server CPU a round trip", "server CPU a resume")
# What sweeps draw and list: the plot's name, the figure, and its axis.
SWEPT = (("cpu", "server CPU", "CPU a delivery, µs"), ("deliveries", "deliveries a second", "deliveries a second"),
         ("p50", "latency p50", "latency p50, ms"), ("p99", P99, "latency p99, ms"))
HEADS = {"server CPU": "CPU a delivery", "server user": "user part", "user memory": "user memory a connection",
         "server CPU a handshake": "CPU a handshake", "server CPU a round trip": "CPU a round trip",
         "server CPU a resume": "CPU a resume", "latency p50": "p50", "latency p99": "p99",
         "heap": "heap a connection", "publish to drain, least": "fastest run", "publish to drain, most": "slowest run"}


@dataclass(frozen=True)
class Run:
    """All that a page is made of."""
    machine: dict[str, str]
    versions: dict[str, str]
    # What each server was started with.
    commands: dict[str, list[str]]
    scale: Scale
    records: Records

    def write(self, file: pathlib.Path) -> None:
        """One measurement a line."""
        head = {name: getattr(self, name) for name in ("machine", "versions", "commands")}
        head["scale"] = vars(self.scale)
        lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in self.records.to_json())
        text = json.dumps(head, ensure_ascii=False, indent=1)
        file.write_text(f'{text[:-2]},\n "records": [\n{lines}\n]}}\n')

    @staticmethod
    def read(file: pathlib.Path) -> "Run":
        kept = json.loads(file.read_text())
        kept["scale"], kept["records"] = Scale(**kept["scale"]), Records.from_json(kept["records"])
        return Run(**kept)

    def sections(self) -> list[Section]:
        """Those with something to show, and of each the loads that were measured; a sweep has two at least."""
        measured = [section.only(lambda load: self.records.servers(load.name)) for section in sections(self.scale)]
        return [section for section in measured if len(section.loads) > (1 if section.axis else 0)]


def write(run: Run, page: pathlib.Path) -> None:
    """Writes the page, and a folder of the same name with its plots."""
    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    run.write(folder / "run.json")
    text = [f"# {run.machine['began'][:10]}, {run.machine['cores']}", *about(run), *goals(run)]
    for section in run.sections():
        text += ["", f"## {section.title}", *(["", section.note] if section.note else [])]
        for name, alternative, svg in drawings(section, run.records):
            (folder / f"{name}.svg").write_text(svg)
            text += ["", f"![{alternative}]({folder.name}/{name}.svg)"]
        if section.axis:
            text += sweep(section, run.records)
        if section.is_one_table:
            text += one_table(section, run.records)
        for load in () if section.axis or section.is_one_table else section.loads:
            text += ["", f"### {load.label}"] if len(section.loads) > 1 else []
            text += table(load, run.records)
    page.write_text("\n".join([*text, *commands(run)]) + "\n")


def about(run: Run) -> list[str]:
    scale = run.scale
    rounds = "one round" if scale.rounds == 1 else f"{scale.rounds} rounds"
    without = ", and the slowest servers are left out of some" if scale.quick else ""
    rows = {**run.machine, **run.versions}
    threads = "1 thread" if scale.generator == 1 else f"{scale.generator} threads"
    return [
        "",
        f"Servers side by side in interleaved rounds: {rounds}, {scale.seconds:g} s each after {scale.warmup:g} s of "
        f"warming up; sweeps have at most three, memory one{without}. Each server has {scale.loops} loops, threads or "
        f"workers (node has one), the generator {threads}. Everything over loopback, so that generator and servers "
        "share the cores. Figures are medians, and ratios the medians of the rounds' own ratios. CPU is the server's "
        "user and system time, which the kernel counts in ticks of 10 ms, over the messages that subscribers received.",
        "", "| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())]


def goals(run: Run) -> list[str]:
    # Those of loads that this run had.
    outcomes = [found for goal in GOALS if run.records.servers(goal.load) for found in [outcome(goal, run.records)]]
    if not outcomes:
        return []
    return ["", "## Goals", "", "| work | goal | measured | |", "| --- | --- | --- | --- |",
            *(goal_row(found, run) for found in outcomes)]


def goal_row(found: Outcome, run: Run) -> str:
    goal, work = found.goal, found.goal.work
    what = HEADS.get(goal.figure, goal.figure)
    if goal.against is None:
        unit = run.records.unit(goal.load, goal.figure)
        # Of how many it was counted.
        work += "".join(f": {load.label}" for one in run.sections() for load in one.loads if load.name == goal.load)
        limit = f"{what} ≤ {goal.limit:,.0f} {unit}"
        measured = f"{found.value:,.0f} {unit}" if found.value is not None else "–"
    else:
        load, server = found.against or goal.against
        names = {BEST: "the best other's", "carillon": "our own WebSocket figure"}
        named = names.get(goal.against[1], plots.NAMES.get(server, server))
        named += f", {load}" if load != goal.load and server != "carillon" else ""
        limit = f"{what} ≤ {goal.limit:g} × {named}"
        measured = "–" if found.value is None else f"{found.value:.3f} ×"
        measured += f" {plots.NAMES[server]}" if goal.against[1] == BEST and found.against else ""
    if found.low < found.high:
        measured += f" ({rounded(found.low)} to {rounded(found.high)}"
        measured += f" in {found.rounds} rounds)" if found.rounds > 1 else ")"
    verdict = found.why or ("reached" if found.is_reached else "**not reached**")
    return f"| {work} | {limit} | {measured} | {verdict} |"


def table(load: Load, records: Records) -> list[str]:
    servers = records.servers(load.name)
    shown, head = columns([(load.name, server) for server in servers], records)
    compared = next((name for name in COMPARED if name in shown and len(servers) > 1), None)
    base = "floor" if "floor" in servers else servers[0]
    head = ["server", *head]
    head += [f"ratio to {plots.NAMES[base]}"] if compared else []
    rows = []
    for server in servers:
        row = [plots.NAMES[server], *(number(records.median(load.name, server, name)) for name in shown)]
        if compared:
            ratio = records.ratio((load.name, server), (load.name, base), compared)
            row.append(number(ratio.value if ratio else None))
        rows.append(row + [str(len(records.of(load.name, server))), records.remark(load.name, server)])
    return markdown([*head, "rounds", "remarks"], rows)


def columns(measured: list[tuple[str, str]], records: Records) -> tuple[list[str], list[str]]:
    """The figures that there are of any (load, server), and what stands above them."""
    shown = [name for name in COLUMNS if any(records.values(*one, name) for one in measured)]
    units = (next(filter(None, (records.unit(load, name) for load, _ in measured)), "") for name in shown)
    return shown, [f"{HEADS.get(name, name)}, {unit}".removesuffix(", /s") for name, unit in zip(shown, units)]


def one_table(section: Section, records: Records) -> list[str]:
    """A row for each load of the one server that all have."""
    measured = [(load.name, records.servers(load.name)[0]) for load in section.loads]
    shown, head = columns(measured, records)
    rows = [[load.label, *(number(records.median(*one, name)) for name in shown), records.remark(*one)]
            for load, one in zip(section.loads, measured)]
    return markdown(["", *head, "remarks"], rows)


def sweep(section: Section, records: Records) -> list[str]:
    """Each figure at each place of the axis."""
    servers = along(section, records)
    lines: list[str] = []
    for _, figure, label in SWEPT:
        rows = [[plots.NAMES[server], *(number(records.median(load.name, server, figure)) for load in section.loads)]
                for server in servers]
        lines += markdown([f"{label}; {section.axis}:", *(f"{at:,}" for at in section.at)], rows)
    remarks = [f"{plots.NAMES[server]} at {at:,}: {remark}" for at, load in zip(section.at, section.loads)
               for server in servers if (remark := records.remark(load.name, server))]
    return lines + (["", *(f"- {remark}" for remark in remarks)] if remarks else [])


def along(section: Section, records: Records) -> list[str]:
    """Servers that were measured at two places or more: one place shows no course."""
    places = Counter(server for load in section.loads for server in records.servers(load.name))
    return [server for server, count in places.items() if count > 1]


def drawings(section: Section, records: Records) -> list[tuple[str, str, str]]:
    """Name, words for who sees no picture, and the plot; whatever there are figures for."""
    if section.axis:
        made = [(name, label, against(section, records, figure, label)) for name, figure, label in SWEPT]
        return [(f"{section.name}-{name}", f"{label}, against {section.axis}", svg) for name, label, svg in made if svg]
    # One server, compared with nothing.
    if section.is_one_table:
        return []
    if section.loads[0].kind == "openloop":
        svg = percentiles(section, records)
        return [(section.name, "latency by percentile", svg)] if svg else []
    svg = side_by_side(section, records)
    return [(section.name, section.title, svg)] if svg else []


def side_by_side(section: Section, records: Records) -> str | None:
    """What servers are compared by, of each load."""
    first = section.loads[0].name
    servers = records.servers(first)
    figure = next((name for name in COMPARED if any(records.values(first, server, name) for server in servers)), "")
    groups = [(load.label, [(server, value) for server in records.servers(load.name)
                            if (value := records.median(load.name, server, figure)) and value > 0])
              for load in section.loads]
    groups = [group for group in groups if group[1]]
    # One bar compares nothing.
    if sum(len(group) for _, group in groups) < 2:
        return None
    unit = f"{HEADS.get(figure, figure)}, {records.unit(first, figure)}"
    return plots.bars(section.title, unit, groups)


def percentiles(section: Section, records: Records) -> str | None:
    load = section.loads[0].name
    curves: dict[str, dict[float, float]] = {}
    for server in records.servers(load):
        for percentile in plots.PERCENTILES:
            value = records.median(load, server, f"latency p{percentile:g}")
            # A logarithm has no place for 0.
            if value:
                curves.setdefault(server, {})[percentile] = value
    return plots.percentiles(section.title, "latency, ms", curves) if curves else None


def against(section: Section, records: Records, figure: str, label: str) -> str | None:
    """One figure of all servers along the section's axis."""
    drawn: list[plots.Line] = []
    for server in along(section, records):
        medians = [(at, records.median(load.name, server, figure)) for at, load in zip(section.at, section.loads)]
        drawn += [plots.Line(server, points)] if (points := [(at, value) for at, value in medians if value]) else []
    values = [value for line in drawn for _, value in line.points]
    if not values:
        return None
    x = plots.logarithmic(section.axis, list(section.at), section.at)
    return plots.lines(f"{label}, against {section.axis}", x, plots.logarithmic(label, values), drawn)


def commands(run: Run) -> list[str]:
    text = ["", "## Commands", "", "Servers, on ports of this run:", "", "```sh"]
    text += [shlex.join(command) for command in run.commands.values()]
    text += ["```", "", "Loads; those of carillon-bench with `--server`, `--port`, `--pid` and `--channel`, too:", "",
             "```sh"]
    for load in dict.fromkeys(load for section in run.sections() for load in section.loads):
        flags = f", {load.servers[0]} with {shlex.join(load.flags)}" if load.flags else ""
        other = flags or (f", servers with {load.label}" if load.loops else "")
        text.append(f"{shlex.join([load.program, *load.command(run.scale)])}  # {load.name}{other}")
    return [*text, "```"]


def markdown(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["", *("| " + " | ".join(line) + " |" for line in lines)]


def rounded(value: float) -> str:
    """Three digits or more."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{decimals}f}"


def number(value: float | None) -> str:
    return "–" if value is None else rounded(value)
