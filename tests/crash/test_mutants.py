"""Deliberate bugs: the sweeps must find each of them, or they prove nothing."""

from __future__ import annotations

import pytest

from ..conftest import need
from .conftest import Sweep
from .mutants import FOUND_BY, Patch


@pytest.mark.parametrize(("mutant", "kind", "operation"), FOUND_BY, ids=lambda value: getattr(value, "__name__", value))
def test_a_sweep_finds(sweep: Sweep, mutant: Patch, kind: str, operation: str) -> None:
    if kind == "trace":
        need("strace")
    how = {"ways": 4} if kind == "fail" else {}  # in a row, two of them short: one error comes once
    with pytest.raises(pytest.fail.Exception) as found:
        sweep(kind, operation, mutant=mutant.__name__, **how)
    print(f"mutant {mutant.__name__}: {str(found.value).splitlines()[0][:160]}")
