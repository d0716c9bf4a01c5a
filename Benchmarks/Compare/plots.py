"""Plots as SVG, readable on white and on dark: each brings its own ground and follows the reader's scheme."""
import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 78, 130, 40, 52

# Told apart by colour-blind readers too, and by their marks.
COLOURS = {"carillon": "#e0532f", "floor": "#868e96", "nio": "#3b82d9", "nchan": "#1f9d6b", "nodews": "#b7860b"}
NAMES = {"carillon": "Carillon", "floor": "floor", "nio": "SwiftNIO", "nchan": "nchan", "nodews": "node ws"}
MARKS = {
    "carillon": '<circle r="4.5"/>', "floor": '<rect x="-4" y="-4" width="8" height="8"/>',
    "nio": '<path d="M0-5L5 4H-5Z"/>', "nchan": '<path d="M0-5.5L5.5 0L0 5.5L-5.5 0Z"/>',
    "nodews": '<path d="M0 5L5-4H-5Z"/>'}

STYLE = """
.ground{fill:#fff}.grid{stroke:#d8dee4;stroke-width:1}.ink{fill:#1f2328}.pale{fill:#59636e}
text{font:12px system-ui,sans-serif}.title{font-size:14px;font-weight:600}
@media(prefers-color-scheme:dark){.ground{fill:#0d1117}.grid{stroke:#30363d}.ink{fill:#f0f6fc}.pale{fill:#9198a1}}
"""


@dataclass(frozen=True)
class Axis:
    """From low to high, and where its ticks are; logarithmic unless `place` says it otherwise."""
    label: str
    ticks: tuple[tuple[float, str], ...]
    low: float
    high: float

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        return math.log(value / self.low) / math.log(self.high / self.low)


def short(value: float) -> str:
    """A tick in a few letters: 10k, 0.5."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def logarithmic(label: str, values: list[float], ticks: tuple[float, ...] = ()) -> Axis:
    """Holds all values. Ticks are 1, 2, 5, 10 …, or where there are many decades only the tens."""
    low, high = min(values), max(values)
    if ticks:
        margin = (high / low) ** 0.04 if high > low else 1.5
        return Axis(label, tuple((tick, short(tick)) for tick in ticks), low / margin, high * margin)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) < 3 else (1,)
    every = [step * 10.0 ** decade for decade in decades for step in steps]
    low_tick = max((tick for tick in every if tick <= low * 1.0001), default=low)
    high_tick = min((tick for tick in every if tick >= high * 0.9999 and tick > low_tick), default=high * 2)
    shown = tuple((tick, short(float(f"{tick:.3g}"))) for tick in every if low_tick <= tick <= high_tick)
    return Axis(label, shown, low_tick, high_tick)


@dataclass
class Line:
    server: str
    points: list[tuple[float, float]] = field(default_factory=list)
    dashed: bool = False


def lines(title: str, x: Axis, y: Axis, drawn: list[Line]) -> str:
    """Servers as lines with marks; the legend is at the right."""
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + across * x.place(point[0]), TOP + up * (1 - y.place(point[1]))

    body = [*grid(x, y, at)]
    for line in sorted(drawn, key=lambda line: line.server == "carillon"):
        places = [at(point) for point in line.points]
        colour, dash = COLOURS[line.server], ' stroke-dasharray="5 4"' if line.dashed else ""
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        width = 2.5 if line.server == "carillon" else 1.5
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>')
        body += [f'<g transform="translate({a:.1f} {b:.1f})" fill="{colour}">{MARKS[line.server]}</g>'
                 for a, b in places]
    return document(title, body + legend(list(dict.fromkeys(line.server for line in drawn))))


def grid(x: Axis, y: Axis, at) -> list[str]:
    right, foot = WIDTH - RIGHT, HEIGHT - BOTTOM
    body = []
    for value, text in x.ticks:
        a, _ = at((value, y.low))
        body.append(f'<path class="grid" d="M{a:.1f} {TOP}V{foot}"/>')
        body.append(f'<text class="pale" x="{a:.1f}" y="{foot + 18}" text-anchor="middle">{escape(text)}</text>')
    for value, text in y.ticks:
        _, b = at((x.low, value))
        body.append(f'<path class="grid" d="M{LEFT} {b:.1f}H{right}"/>')
        body.append(f'<text class="pale" x="{LEFT - 8}" y="{b + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    middle = (TOP + foot) / 2
    body.append(f'<text class="ink" x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
                f'{escape(x.label)}</text>')
    body.append(f'<text class="ink" transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
                f'{escape(y.label)}</text>')
    return body


def legend(servers: list[str]) -> list[str]:
    body = []
    for row, server in enumerate(servers):
        b = TOP + 12 + 22 * row
        body.append(f'<g transform="translate({WIDTH - RIGHT + 20} {b})" fill="{COLOURS[server]}">{MARKS[server]}</g>')
        body.append(f'<text class="ink" x="{WIDTH - RIGHT + 34}" y="{b + 4}">{escape(NAMES[server])}</text>')
    return body


def bars(title: str, unit: str, groups: list[tuple[str, list[tuple[str, float]]]]) -> str:
    """Groups of servers as bars, logarithmic, each with its figure."""
    y = logarithmic(unit, [value for _, group in groups for _, value in group])
    # A bar as long as the axis is short of the lowest would have no length.
    y = Axis(y.label, ((y.low / 2, short(y.low / 2)), *y.ticks), y.low / 2, y.high)
    right, foot, up = WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM
    count = sum(len(group) for _, group in groups) + len(groups) - 1
    step = (right - LEFT) / count
    x = Axis("", (), 1, 10)
    body = grid(x, y, lambda point: (LEFT, TOP + up * (1 - y.place(point[1]))))
    a = float(LEFT)
    for name, group in groups:
        body.append(f'<text class="ink" x="{a + step * len(group) / 2:.1f}" y="{foot + 18}" text-anchor="middle">'
                    f'{escape(name)}</text>')
        for server, value in group:
            top = TOP + up * (1 - y.place(value))
            body.append(f'<rect x="{a + step * 0.1:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" '
                        f'height="{foot - top:.1f}" fill="{COLOURS[server]}"/>')
            body.append(f'<text class="ink" x="{a + step / 2:.1f}" y="{top - 4:.1f}" text-anchor="middle">'
                        f'{figure(value)}</text>')
            a += step
        a += step
    return document(title, body + legend(list(dict.fromkeys(server for _, group in groups for server, _ in group))))


def figure(value: float) -> str:
    """Above a bar, where there is little room."""
    return f"{value / 1000:.1f}k" if value >= 1e4 else f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def document(title: str, body: list[str]) -> str:
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img">', f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<text class="title ink" x="{LEFT}" y="24">{escape(title)}</text>', *body, "</svg>", ""])


PERCENTILES = (50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9)
NAMED = (50.0, 90.0, 99.0, 99.9)


def percentiles(title: str, unit: str, latencies: dict[str, dict[float, float]]) -> str:
    """Latency over percentiles of PERCENTILES, each decade of the rest as wide as the last."""
    def rest(percentile: float) -> float:
        return 100 / (100 - percentile)

    x = Axis("percentile", tuple((rest(percentile), f"{percentile:g}") for percentile in NAMED), 1.8, 1200)
    y = logarithmic(unit, [value for values in latencies.values() for value in values.values()])
    drawn = [Line(server, [(rest(percentile), value) for percentile, value in values.items()])
             for server, values in latencies.items()]
    return lines(title, x, y, drawn)
