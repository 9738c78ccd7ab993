"""Small scenarios in every order: what chance meets once in thousands of runs is met for certain."""

from __future__ import annotations

import pytest

from ..conftest import scale
from .ahead import played
from .history import (
    Call,
    Model,
    created,
    deleted,
    explains,
    fulfilled,
    parked,
    queued,
    requeued,
    text,
    unqueued,
    updated,
)
from .scenarios import Figures
from .small import SMALL, explore


def play(name: str) -> Figures:
    small = SMALL[name]
    return explore(small, scale(small.bound, small.large))


@played(play)
@pytest.mark.parametrize("name", SMALL)
def test_every_schedule_within_the_bound(name: str, outcome: Figures) -> None:
    print(f"\nexhaustive: {name} {outcome}")


# ── the check of histories ──


def history(*calls: Call) -> list[Call]:
    return list(calls)


def done(what: str, effect: object, began: int, ended: int) -> Call:
    return Call(what, effect, began, ended, acknowledged=True)  # type: ignore[arg-type]


def test_an_acknowledged_call_must_be_in_the_order() -> None:
    calls = history(done("create", created(1), 0, 1), done("fulfill", fulfilled(b"6", 0), 2, 3))
    assert explains(calls, Model(True, 2, 0, "1", value=b"6"))
    assert not explains(calls, Model(True, 1, 0, "1"))
    assert not explains(calls, Model(True, 2, 0, "1", value=b"7"))
    assert not explains(calls, Model())


def test_an_unknown_call_may_be_in_it_or_not() -> None:
    calls = history(done("create", created(1), 0, 1), Call("update", updated(0, 2), 2))
    assert explains(calls, Model(True, 1, 0, "1")) and explains(calls, Model(True, 1, 1, "2"))
    assert not explains(calls, Model(True, 1, 1, "1"))


def test_a_refused_call_is_not_in_it() -> None:
    calls = history(done("create", created(1), 0, 1), Call("delete", deleted, 2, 3, refused=True))
    assert explains(calls, Model(True, 1, 0, "1")) and not explains(calls, Model())


def test_the_order_respects_time() -> None:
    first, second = done("queue", queued("a"), 2, 3), done("queue", queued("b"), 4, 5)
    calls = history(done("create", created(1), 0, 1), first, second)
    assert explains(calls, Model(True, waiting=(text("a"), text("b")), request="1"))
    assert not explains(calls, Model(True, waiting=(text("b"), text("a")), request="1"))
    second.began = 2
    assert explains(calls, Model(True, waiting=(text("b"), text("a")), request="1"))


def test_two_fulfills_of_one_version_are_never_explained() -> None:
    calls = history(
        done("create", created(1), 0, 1), done("one", fulfilled(b"1", 0), 2, 9), done("two", fulfilled(b"2", 0), 2, 9)
    )
    assert not any(explains(calls, Model(True, 2, 0, "1", value=value)) for value in (b"1", b"2"))
    calls.append(done("requeue", requeued, 2, 9))
    calls[2] = done("two", fulfilled(b"2", 1), 2, 9)
    assert explains(calls, Model(True, 2, 1, "1", value=b"2"))


def test_parked_and_told_targets_are_part_of_the_job() -> None:
    calls = history(done("create", created(1), 0, 1), done("queue", queued("a"), 2, 3), done("park", parked, 4, 5))
    assert explains(calls, Model(True, parked=True, waiting=(text("a"),), request="1"))
    calls.append(done("done", unqueued(["a"]), 6, 7))
    assert explains(calls, Model(True, parked=True, request="1"))
    assert not explains(calls, Model(True, waiting=(text("a"),), request="1", parked=True))
