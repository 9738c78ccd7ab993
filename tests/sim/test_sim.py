"""The real code in simulated worlds: seeded, replayed exactly by the line that a failure prints."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib

import pytest

from ..conftest import ROOT, scale
from .ahead import CORES, played
from .hunt import play, play_many
from .memfs import WORLDS
from .plans import PLANS
from .scenarios import Figures

PARTS = scale(1, CORES)
"""Shares of each scenario's schedules: at night each takes hours."""
EACH = int(os.environ.get("FSJOB_SCHEDULES", scale(250, 20_000)))
"""Schedules of each scenario."""
SHORT, TIMES = ("duel", "takers"), scale(24, 1)
"""A few calls long, and played so many times as often."""


def base() -> int:
    """Where the seeds begin: FSJOB_SEED, else another place for each commit."""
    given = os.environ.get("FSJOB_SEED")
    if given is not None:
        return int(given)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, cwd=ROOT).stdout
    return zlib.crc32(head)


def play_share(name: str, part: int) -> Figures:
    share = -(-EACH * (TIMES if name in SHORT else 1) // PARTS)
    return play_many(name, base() + part * share, share)


@played(play_share)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", sorted(PLANS))
def test_nothing_acknowledged_is_lost(name: str, part: int, outcome: Figures) -> None:
    print(f"\nsim: {name} from seed {base()}, part {part}: {outcome}")
    assert outcome.acknowledged > outcome.runs, "the scenario does something"


def test_a_seed_is_the_same_run_whatever_the_hashes() -> None:
    code = (
        "import zlib\nfrom tests.sim.plans import PLANS\nfrom tests.sim.scenarios import Run\n"
        "for name in sorted(PLANS):\n"
        "    run = Run.seeded(PLANS[name], 'sticky', 11, 'logtree')\n"
        "    run.play()\n"
        "    print(name, zlib.crc32('\\n'.join(map(str, run.world.hub.trace)).encode()))\n"
    )
    traces = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    assert traces[0].stdout and traces[0].stdout == traces[1].stdout, traces[0].stderr + traces[1].stderr


def test_replay(request: pytest.FixtureRequest) -> None:
    schedule = request.config.getoption("--replay", default=None)
    if schedule is None:
        pytest.skip("--replay SCENARIO:STRATEGY:SEED:WORLD plays one schedule")
    name, strategy, seed, world = schedule.split(":")
    play(name, strategy, int(seed), next(kind for kind in WORLDS if kind == world))
