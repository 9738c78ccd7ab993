"""Replaying one schedule by the line that its failure printed."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--replay", metavar="SCENARIO:STRATEGY:SEED:WORLD", help="play one simulated schedule alone")
