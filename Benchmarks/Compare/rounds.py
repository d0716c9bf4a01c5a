"""Puts the loads on the servers, in turns: round by round, section by section, server after server, so that what
disturbs the machine hits all alike."""
import pathlib
import subprocess
import sys

from Compare import programs
from Compare.loads import DESCRIPTORS_BESIDE, Load, Scale, Section
from Compare.records import Record, Records
from Compare.servers import Asked, Fleet, Missing


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def chosen(words: list[str], parts: list[Section]) -> list[Load]:
    """The loads that are named, or whose section is, each once; all without words."""
    return list(dict.fromkeys(load for part in parts for load in part.loads
                              if not words or part.name in words or load.name in words))


def possible(loads: list[Load], scale: Scale) -> list[Load]:
    """Those for which there are descriptors enough; says which are not."""
    for load in loads:
        if load.connections + DESCRIPTORS_BESIDE > scale.descriptors:
            say(f"{load.name} is skipped: {load.connections:,} connections, and {scale.descriptors:,} descriptors")
    return [load for load in loads if load.connections + DESCRIPTORS_BESIDE <= scale.descriptors]


def present(names: list[str], fleet: Fleet, scale: Scale) -> list[str]:
    """Those that can be started; says why others can't."""
    found = []
    for name in names:
        try:
            fleet.get(Asked(name, scale.loops))
            found.append(name)
        except Missing as reason:
            say(f"{name} is skipped: {reason}")
    return found


def turns(loads: list[Load], parts: list[Section], servers: list[str]) -> list[tuple[Load, str]]:
    """The measurements of a round, in their order.

    Those of a section that one server has follow each other: they are compared, and a minute changes a machine. In a
    sweep the servers do, at each place of its axis."""
    left = dict.fromkeys(loads)
    groups: list[list[Load]] = []
    for part in parts:
        own = [load for load in part.loads if load in left]
        for load in own:
            del left[load]
        groups += [[load] for load in own] if part.axis else [own]
    return [(load, server) for group in groups for server in servers for load in group if server in load.servers]


def measure(order: list[tuple[Load, str]], scale: Scale, fleet: Fleet) -> Records:
    records: list[Record] = []
    for round in range(1, scale.rounds + 1):
        for load, server in order:
            if round <= load.rounds_max:
                say(f"round {round} of {scale.rounds}: {load.name} {server}")
                records.append(once(load, server, round, scale, fleet))
                if records[-1].trouble:
                    say(f"  {records[-1].trouble}")
    return Records(records)


def once(load: Load, server: str, round: int, scale: Scale, fleet: Fleet) -> Record:
    report = fleet.place.work / f"{load.name}.{server}.{round}.json"
    command = [str(fleet.place.programs / load.program), *load.command(scale), "--json", str(report)]
    if not load.needs_server:
        return read(command, report, load, server, round)
    asked = Asked(server, load.loops or scale.loops, load.flags, load.gateways)
    try:
        if load.kind == "idle":
            # Memory is counted in one that has done nothing yet.
            fleet.end(asked)
        running = fleet.get(asked)
    except Missing as reason:
        return Record(load.name, server, round, trouble=str(reason))
    command += ["--server", server, "--channel", f"bench-{load.name}-{round}",
                "--port", str(running.at.tls_port if load.is_secure else running.at.port)]
    for process in running.processes:
        command += ["--pid", str(process.pid)]
    for port in running.own_ports:
        command += ["--tell", str(port)]
    record = read(command, report, load, server, round)
    if not running.is_alive:
        return Record(load.name, server, round, trouble=f"the server ended by itself: {running.last_words()}")
    if record.trouble or record.behind or load.gateways:
        # What it has not yet sent would be in the next one's way.
        fleet.end(asked)
    return record


def read(command: list[str], report: pathlib.Path, load: Load, server: str, round: int) -> Record:
    """Runs one measurement."""
    try:
        ran = programs.run(command, load.seconds_max, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        return Record(load.name, server, round, trouble=f"{load.program}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Record(load.name, server, round, trouble=f"not done after {load.seconds_max} s")
    if report.exists():
        return Record.read(report, load.name, server, round)
    lines = ran.stdout.strip().splitlines()
    return Record(load.name, server, round, trouble=lines[-1] if lines else f"exit code {ran.returncode}")
