"""Every call of every operation fails: an error that names the path, nothing acknowledged that is not there.

No descriptor and no lease is kept, no lock is left but one whose own release was hindered, and the next operation
works.
"""

from __future__ import annotations

import zlib

import pytest

from ..conftest import scale
from .conftest import EACH_OPERATION, Sweep
from .failing import WAYS

DURABILITIES = ["full", "process"][: scale(1, 2)]


@pytest.mark.parametrize("durability", DURABILITIES)
@EACH_OPERATION
def test_any_call_fails(sweep: Sweep, name: str, durability: str) -> None:
    sweep("fail", name, durability=durability, ways=scale(1, len(WAYS)), first=zlib.crc32(name.encode()))
