"""The comparison of servers: what a report says of figures, and one short run of the real thing."""
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from Compare import page, plots  # noqa: E402
from Compare.goals import BEST, Goal, outcome  # noqa: E402
from Compare.loads import Load, Scale, connections, generated_max, sections  # noqa: E402
from Compare.records import Record, Records  # noqa: E402
from Compare.rounds import chosen, possible  # noqa: E402

SCALE = Scale(quick=False, rounds=3, seconds=1, warmup=1, settle=1, loops=2, generator=1, descriptors=20_000,
              connections=1_000_000)


def rounds(server: str, *values: float, load: str = "fanout", **more) -> list[Record]:
    return [Record(load, server, round, {"server CPU": value}, {"server CPU": "µs"}, **more)
            for round, value in enumerate(values, 1)]


def judged(goal: Goal, *records: list[Record]):
    return outcome(goal, Records(list(itertools.chain(*records))))


AT_MOST_THE_FLOORS = Goal("", "fanout", "server CPU", 1.0, ("fanout", "floor"))


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    # The second round was disturbed, for both alike; the quotient of the medians would be 4.
    records = Records(rounds("floor", 1, 10, 1) + rounds("carillon", 2, 20, 4))
    assert records.median("fanout", "carillon", "server CPU") == 4
    ratio = records.ratio(("fanout", "carillon"), ("fanout", "floor"), "server CPU")
    assert (ratio.value, ratio.low, ratio.high, ratio.rounds) == (2, 2, 4, 3)


def test_a_round_that_is_not_sound_counts_for_nothing():
    bad = Record("fanout", "carillon", 2, {"server CPU": 0.1}, {"server CPU": "µs"}, trouble="lost 3")
    records = Records(rounds("floor", 1, 1) + rounds("carillon", 2) + [bad])
    assert records.median("fanout", "carillon", "server CPU") == 2
    assert records.ratio(("fanout", "carillon"), ("fanout", "floor"), "server CPU").rounds == 1
    assert records.remark("fanout", "carillon") == "1 of 2 refused: lost 3"
    assert judged(AT_MOST_THE_FLOORS, rounds("floor", 1), [bad]).value is None


@pytest.mark.parametrize("tally, note, words, behind", [
    ({"lost": 0, "unfinished": 0}, None, "", 0), ({"lost": 0, "unfinished": 7}, None, "", 7),
    ({"lost": 2, "closed": 1}, None, "closed 1, lost 2", 0), ({"lost": 0}, "stalled", "stalled", 0)])
def test_what_carillon_bench_writes_is_read(tmp_path, tally, note, words, behind):
    report = tmp_path / "report.json"
    report.write_text(page.json.dumps(
        {"figures": [{"name": "server CPU", "unit": "µs", "value": 1.5}], "tally": tally, "note": note}))
    record = Record.read(report, "fanout", "floor", 1)
    assert (record.figures, record.trouble, record.behind) == ({"server CPU": 1.5}, words, behind)


@pytest.mark.parametrize("mine, reached", [(0.99, True), (1.0, True), (1.01, False)])
def test_a_goal_is_reached_at_its_limit_and_not_beyond(mine, reached):
    assert judged(AT_MOST_THE_FLOORS, rounds("floor", 1.0), rounds("carillon", mine)).is_reached is reached
    assert judged(Goal("", "fanout", "server CPU", 1.0), rounds("carillon", mine)).is_reached is reached


def test_a_goal_without_its_figures_is_not_reached():
    assert judged(AT_MOST_THE_FLOORS, rounds("carillon", 0.1)).why
    assert judged(AT_MOST_THE_FLOORS, rounds("floor", 1)).why
    assert not judged(AT_MOST_THE_FLOORS, rounds("floor", 1), rounds("carillon", 0.1, behind=5)).is_reached


def test_a_figure_of_several_runs_brings_their_range():
    figures = {"publish to drain": 27.0, "publish to drain, least": 20.0, "publish to drain, most": 101.0}
    found = judged(Goal("", "ring", "publish to drain", 100), [Record("ring", "carillon", 1, figures)])
    assert (found.value, found.low, found.high, found.is_reached) == (27, 20, 101, True)


def test_the_best_other_is_one_that_kept_up():
    goal = Goal("", "fanout", "server CPU", 1.0, ("fanout", BEST))
    found = judged(goal, rounds("carillon", 1), rounds("nio", 0.1, behind=3), rounds("nchan", 4), rounds("floor", 2))
    assert (found.value, found.against) == (0.5, ("fanout", "floor"))


def test_a_load_is_measured_once_though_several_sections_show_it():
    names = [load.name for load in chosen([], sections(SCALE))]
    assert len(names) == len(set(names)) and {"fanout", "openloop500", "idle-tls", "loops-1"} <= set(names)
    assert [load.name for load in chosen(["fanout", "handshakes"], sections(SCALE))] == ["fanout", "churn", "churn-tls"]


def test_a_load_for_which_descriptors_lack_is_left_out():
    small, large = Load("a", "", "fanout --subscribers 700"), Load("b", "", "fanout --subscribers 701")
    assert possible([small, large], Scale(**{**vars(SCALE), "descriptors": 1000})) == [small]


@pytest.mark.parametrize("descriptors", [1_024, 20_000, 1_048_576])
@pytest.mark.parametrize("count", [1_000, 100_000, 1_000_000])
def test_no_process_is_asked_for_more_connections_than_it_may_open(descriptors, count):
    count = min(count, generated_max(descriptors))
    many, = connections(Scale(**{**vars(SCALE), "descriptors": descriptors, "connections": count})).loads
    split = many.words.split()
    words = dict(zip(split[1::2], split[2::2]))
    processes = int(words["--processes"])
    assert int(words["--connections"]) + int(words["--first"]) == count
    assert processes <= 64 and count / processes < descriptors - 64
    # The kernel's hash spreads them as chance would: six times the deviation is room enough.
    share = count / many.gateways
    assert share + 6 * share ** 0.5 < descriptors


@pytest.mark.parametrize("values", [[1.0], [0.98, 1.02], [3, 5_000_000], [0.0004, 0.2]])
def test_an_axis_holds_its_values(values):
    axis = plots.logarithmic("x", values)
    assert all(-1e-6 <= axis.place(value) <= 1 + 1e-6 for value in values) and len(axis.ticks) >= 2


@pytest.fixture
def programs(binary) -> pathlib.Path:
    """`make test` builds the harness only as the tests need it, so not for speed."""
    return next(folder for folder in (pathlib.Path(binary).parent, ROOT / ".build/debug")
                if (folder / "carillon-bench").exists() and (folder / "floor").exists())


def bench(programs: pathlib.Path, out: pathlib.Path, *words: str, descriptors: int = 0) -> subprocess.Popen:
    limit = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
    return subprocess.Popen(
        [*limit, sys.executable, str(ROOT / "Benchmarks/bench"), "--quick", "--seconds", "0.3",
         "--servers", "floor,carillon", "--programs", str(programs), "--out", str(out), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(out.parent)})


def well_formed(report: pathlib.Path) -> dict[str, bytes]:
    drawn = {path.name: path.read_bytes() for path in report.with_suffix("").glob("*.svg")}
    assert drawn and all(xml.fromstring(svg).tag.endswith("svg") for svg in drawn.values())
    assert all(f"/{name})" in report.read_text() for name in drawn)
    return drawn


def test_a_run_writes_a_report_that_can_be_written_again(programs, tmp_path):
    running = bench(programs, tmp_path / "out", "fanout-10", "fanout-100")
    said, complaints = running.communicate(timeout=120)
    assert running.returncode == 0, complaints
    report = pathlib.Path(said.strip())
    text, drawn = report.read_text(), well_formed(report)
    assert "| Carillon |" in text and "| floor |" in text and "refused" not in text, text
    assert {"subscribers-cpu.svg", "subscribers-p99.svg"} <= drawn.keys()
    # Neither the machine's name nor its folders.
    assert os.uname().nodename not in text and str(ROOT) not in text and str(tmp_path) not in text
    kept = str(report.with_suffix("") / "run.json")
    subprocess.run([sys.executable, str(ROOT / "Benchmarks/bench"), "--again", kept],
                   check=True, timeout=60)
    assert report.read_text() == text and well_formed(report) == drawn
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_all_plots_of_a_whole_run_are_well_formed(tmp_path):
    figures = {name: 1.5 for name in (*page.COLUMNS, "latency p90", "latency p99.9")}
    records = [Record(load.name, server, 1, figures, {name: "µs" for name in figures}, "", server == "nchan")
               for load in chosen([], sections(SCALE)) for server in load.servers]
    machine = {"began": "2026-01-01 00:00 UTC", "cores": "2 × a < b & c"}
    page.write(page.Run(machine, {}, {}, SCALE, Records(records)), tmp_path / "whole.md")
    assert len(well_formed(tmp_path / "whole.md")) == sum(
        len(page.drawings(section, Records(records))) for section in sections(SCALE)) > 15
    assert (tmp_path / "whole.md").read_text().count("reached") > 15


def test_many_gateways_share_a_port_and_all_their_connections_are_told(programs, tmp_path):
    running = bench(programs, tmp_path / "out", "connections", "--connections", "1000", descriptors=1_000)
    said, complaints = running.communicate(timeout=120)
    assert running.returncode == 0, complaints
    text = pathlib.Path(said.strip()).read_text()
    assert "1,000 real ones" in text, text
    assert "share the port: 2; processes of the generator, at the other ends: 2;" in text, text
    assert "message to all, ms" in text and "refused" not in text, text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_what_it_started_and_leaves_nothing(programs, tmp_path, number):
    running = bench(programs, tmp_path / "out", "fanout-10")
    while "round 1" not in (line := running.stderr.readline()):
        assert line, "it ended by itself"
    children = pathlib.Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    assert len(children) >= 2
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert not [child for child in children if os.path.exists(f"/proc/{child}")]
    assert list(tmp_path.iterdir()) == []
