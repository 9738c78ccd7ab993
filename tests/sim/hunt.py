"""Playing schedules in numbers: a run by its name, a replay by one line, a hunt for a deliberate bug."""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .memfs import WORLDS, WorldKind
from .plans import PLANS
from .scenarios import Figures, Run
from .sched import shown
from .strategies import STRATEGIES

LAST = 60
"""Calls of the trace that a failure shows."""


def play(name: str, strategy: str, seed: int, world: WorldKind) -> Figures:
    """One run. What it raises tells how to replay it, and its last calls."""
    run = Run.seeded(PLANS[name], strategy, seed, world)
    try:
        return run.play()
    except Exception as error:
        raise AssertionError(report(run, error, f"{name}:{strategy}:{seed}:{world}")) from error


def report(run: Run, error: BaseException, schedule: str) -> str:
    """What a failed run says of itself; its whole trace and its faults are kept as JSON."""
    trace = run.world.hub.trace
    kept = Path(os.environ.get("FSJOB_TRACES") or tempfile.gettempdir()) / f"sim-{schedule.replace(':', '-')}.json"
    kept.write_text(json.dumps({"faults": run.faults.told, "trace": [*map(shown, trace)]}, indent=0))
    name, strategy, seed, world = schedule.split(":")
    return "\n".join(
        (
            f"{type(error).__name__}: {error}",
            f"sim: {name} strategy={strategy} seed={seed} world={world}",
            f"replay: python -m pytest tests/sim --replay {schedule}",
            f"faults: {run.faults.told}   (all calls: {kept})",
            *map(shown, trace[-LAST:]),
        )
    )


def schedules(names: tuple[str, ...], first: int, count: int) -> Iterator[tuple[str, str, int, WorldKind]]:
    """So many schedules over these scenarios, all strategies and worlds in turn."""
    strategies = sorted(STRATEGIES)
    for number in range(count):
        name = names[number % len(names)]
        turn = number // len(names)
        yield name, strategies[turn % len(strategies)], first + number, WORLDS[turn // len(strategies) % len(WORLDS)]


def hunt(names: tuple[str, ...], first: int, most: int) -> tuple[int, str] | None:
    """How many runs it takes until one of them is red, and why; None where all are green."""
    for runs, (name, strategy, seed, world) in enumerate(schedules(names, first, most), 1):
        try:
            Run.seeded(PLANS[name], strategy, seed, world).play()
        except AssertionError as found:
            return runs, f"{name}:{strategy}:{seed}:{world} {(str(found) or repr(found)).splitlines()[0]}"
    return None


def play_many(name: str, first: int, count: int) -> Figures:
    """So many schedules of one scenario. Raises AssertionError with the report of the first that is red."""
    total = Figures()
    gc.freeze()  # what is there already need not be looked at at each collection
    for schedule in schedules((name,), first, count):
        total.add(play(*schedule))
    return total
