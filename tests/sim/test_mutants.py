"""Deliberate bugs: the simulation must find each of them, or it proves nothing."""

from __future__ import annotations

import pytest

from ..conftest import scale
from .ahead import played
from .hunt import hunt
from .mutants import MUTANTS

NAMED = {mutant.name: mutant for mutant in MUTANTS}


def hunt_for(name: str) -> tuple[int, str] | None:
    mutant = NAMED[name]
    with pytest.MonkeyPatch.context() as patch:
        mutant.apply(patch)
        return hunt(mutant.plans, mutant.hint, scale(600, 20_000))


@played(hunt_for)
@pytest.mark.parametrize("name", NAMED)
def test_the_simulation_finds(name: str, outcome: tuple[int, str] | None) -> None:
    assert outcome is not None, f"{name} was not found"
    print(f"\nmutant {name}: found after {outcome[0]} schedules: {outcome[1]}")
