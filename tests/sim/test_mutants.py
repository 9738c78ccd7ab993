"""Deliberate bugs: the simulation must find each of them, or it proves nothing."""

from __future__ import annotations

import pytest

from ..conftest import scale
from .hunt import hunt
from .mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_simulation_finds(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.apply(monkeypatch)
    found = hunt(mutant.plans, mutant.hint, scale(600, 20_000))
    assert found is not None, f"{mutant.name} was not found"
    print(f"\nmutant {mutant.name}: found after {found[0]} schedules: {found[1]}")
