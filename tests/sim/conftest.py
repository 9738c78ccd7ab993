"""Replaying one schedule by the line that its failure printed, and playing all others ahead."""

from __future__ import annotations

import pytest

from .ahead import Ahead

AHEAD = pytest.StashKey[Ahead]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--replay", metavar="SCENARIO:STRATEGY:SEED:WORLD", help="play one simulated schedule alone")


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        session.stash[AHEAD] = Ahead(session.items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if AHEAD in session.stash:
        session.stash[AHEAD].end()


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> object:
    """What the play of this test came to."""
    return request.session.stash[AHEAD].outcome(request.node)
