"""The real code in simulated worlds: seeded, replayed exactly by the line that a failure prints."""

from __future__ import annotations

import os
import zlib

import pytest

from ..conftest import scale
from .memfs import WORLDS, WorldKind
from .scenarios import PLANS, Figures, Run
from .sched import STRATEGIES

BASE = int(os.environ.get("FSJOB_SEED", "1"))


def play(name: str, strategy: str, seed: int, world: WorldKind) -> Figures:
    run = Run(PLANS[name], strategy, seed, world)
    try:
        return run.play()
    except BaseException as error:
        last = "\n".join(f"  {at:11.5f} {actor:24} {what}" for actor, what, at in run.world.hub.trace[-60:])
        replay = f"FSJOB_REPLAY={name}:{strategy}:{seed}:{world} pytest tests/sim -k replay"
        raise AssertionError(f"{type(error).__name__}: {error}\n{replay}\n{last}") from error


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@pytest.mark.parametrize("name", sorted(PLANS))
def test_nothing_acknowledged_is_lost(name: str, strategy: str, world: WorldKind) -> None:
    total = Figures()
    first = zlib.crc32(f"{name}{strategy}{world}{BASE}".encode())
    for seed in range(first, first + scale(15, 2000)):
        figures = play(name, strategy, seed, world)
        for member in Figures.__dataclass_fields__:
            setattr(total, member, getattr(total, member) + getattr(figures, member))
    assert total.fulfills, "the scenario does something"
    print(f"\nsim: {name} {strategy} {world} {total}")


@pytest.mark.skipif("FSJOB_REPLAY" not in os.environ, reason="FSJOB_REPLAY=SCENARIO:STRATEGY:SEED:WORLD is not set")
def test_replay() -> None:
    name, strategy, seed, world = os.environ["FSJOB_REPLAY"].split(":")
    play(name, strategy, int(seed), next(kind for kind in WORLDS if kind == world))
