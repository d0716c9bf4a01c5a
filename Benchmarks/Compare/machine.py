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


def raise_descriptors() -> int:
    """As many as are allowed, for this process and those that it starts; says how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1_048_576
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
