"""What is to be known of the machine. Its name is not."""
import datetime
import os
import pathlib
import platform
import resource


def field(file: str, name: str) -> str:
    """Behind `name:` in a file of /proc."""
    for line in pathlib.Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def cores() -> int:
    return len(os.sched_getaffinity(0))


def kind() -> str:
    """As in the report's name: 2-core-x86_64."""
    return f"{cores()}-core-{platform.machine()}"


def facts() -> dict[str, str]:
    model = field("/proc/cpuinfo", "model name") or platform.machine()
    virtual = ", virtual" if "hypervisor" in field("/proc/cpuinfo", "flags").split() else ""
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / 1024**2
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "began": f"{now:%Y-%m-%d %H:%M} UTC",
        "cores": f"{cores()} × {model} ({platform.machine()}{virtual})", "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(), "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "load average when it began": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


# What a connection takes of this machine's memory, both ends, with room: some 9 KB of it the kernel's.
CONNECTION_BYTES = 12_000


def connections_max() -> int:
    """How many real ones this machine bears: a third of its memory stays free."""
    total, available = (int(field("/proc/meminfo", name).split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    opened, _, files = map(int, pathlib.Path("/proc/sys/fs/file-nr").read_text().split())
    return max(0, min((available - total // 3) // CONNECTION_BYTES, (files - opened) // 2 - 10_000))


def raise_descriptors() -> int:
    """As many as are allowed, for this process and those that it starts; says how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1_048_576
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
