"""A picture of what a job costs against the backlog: `python -m tests.benchmarks.picture results.jsonl > backlog.svg`.

Reads the lines of `backlog` among the results; the last of each size counts, so that sizes may come from several runs.
Both axes are logarithmic. Plain SVG, no library.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#d7263d", "#1b998b", "#2e294e", "#f46036", "#3a86ff", "#8338ec", "#7f7f7f", "#b8860b")

Curve = dict[int, float]


def curves(lines: Iterable[dict[str, Any]]) -> dict[str, Curve]:
    """Microseconds of processor time for a whole job, by backlog, of each queue."""
    found: dict[str, Curve] = {}
    for line in lines:
        ours = {size: one["whole_job_processor"] for size, one in line["microseconds"].items()}
        for name, curve in {"fsjob": ours, **line.get("peers_processor_microseconds", {})}.items():
            found.setdefault(name, {}).update((int(size), float(cost)) for size, cost in curve.items())
    return {name: curve for name, curve in found.items() if curve}


def draw(found: dict[str, Curve], note: str) -> str:
    """The picture."""
    sizes = sorted({size for curve in found.values() for size in curve})
    costs = [cost for curve in found.values() for cost in curve.values()]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: float) -> float:
        return LEFT + (math.log10(size) - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(cost: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(cost) - low) / max(high - low, 1) * (HEIGHT - TOP - BOTTOM)

    parts = [_text(LEFT, 22, "Processor time to take and do one job, against jobs pending", size=15)]
    for power in range(low, high + 1):
        parts.append(_line(LEFT, y(10**power), WIDTH - RIGHT, y(10**power), "#dddddd"))
        parts.append(_text(LEFT - 8, y(10**power) + 4, _duration(10**power), anchor="end"))
    for size in sizes:
        parts.append(_text(x(size), HEIGHT - BOTTOM + 20, f"{size:,}", anchor="middle"))
    ends = _apart({name: y(curve[max(curve)]) for name, curve in found.items()})
    for number, (name, curve) in enumerate(found.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [(x(size), y(curve[size])) for size in sorted(curve)]
        parts.append(_path(points, colour, 3 if name == "fsjob" else 1.5))
        parts.append(_line(points[-1][0] + 4, points[-1][1], WIDTH - RIGHT + 12, ends[name] - 4, "#cccccc"))
        parts.append(_text(WIDTH - RIGHT + 16, ends[name], name, colour=colour))
    parts.append(_text(LEFT, HEIGHT - 10, note, size=11, colour="#666666"))
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([frame, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>", ""])


def _apart(wanted: dict[str, float], least: float = 16.0) -> dict[str, float]:
    """Heights for names, near those wanted, none over another."""
    placed: dict[str, float] = {}
    at = float(TOP)
    for name, height in sorted(wanted.items(), key=lambda item: item[1]):
        at = placed[name] = max(height + 4, at + least)
    return placed


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", colour: str = "#222222") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _path(points: list[tuple[float, float]], colour: str, width: float) -> str:
    along = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="{width}"/>{dots}'


def _duration(microseconds: float) -> str:
    return f"{microseconds / 1000:,.0f} ms" if microseconds >= 1000 else f"{microseconds:,.0f} µs"


def main() -> None:
    results = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    backlogs = [result for result in results if "ratio_together" in result]
    if not backlogs:
        raise SystemExit("no result of tests.benchmarks.backlog is among these")
    last = backlogs[-1]
    note = f"{last['file_system']}, {last['cores']} cores, Linux {last['kernel']}, Python {last['python']}"
    sys.stdout.write(draw(curves(backlogs), note))


if __name__ == "__main__":
    main()
