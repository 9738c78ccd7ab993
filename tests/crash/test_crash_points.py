"""Kill -9 before every call of every operation: what was acknowledged is there, and it goes on."""

from __future__ import annotations

import pytest

from ..conftest import scale
from .conftest import EACH_OPERATION, Sweep

DURABILITIES = ["full", "process"][: scale(1, 2)]


@pytest.mark.parametrize("durability", DURABILITIES)
@EACH_OPERATION
def test_killed_before_any_call(sweep: Sweep, name: str, durability: str) -> None:
    sweep("kill", name, durability=durability)
