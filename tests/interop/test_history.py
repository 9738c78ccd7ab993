"""The judge of histories itself: it finds what it is there to find, and nothing in what is right."""

from __future__ import annotations

import math
from typing import Any

import pytest

from .history import Call, State, calls_of, explained, told_twice, wrong

FIRST = State("r")


def call(op: str, begun: float, ended: float, error: str | None = None, result: Any = None, **given: Any) -> Call:
    return Call("python", op, "x", given, result or {}, error, begun, ended)


FULFILL = call("fulfill", 0, 2, version=0, value="a")
DONE = State("r", 0, True, value="a")

RIGHT = {
    "fulfilled": ([FULFILL], DONE),
    "the second was refused": ([FULFILL, call("fulfill", 1, 3, "AlreadyFulfilled", version=0, value="b")], DONE),
    "run again": (
        [FULFILL, call("requeue", 3, 4), call("fulfill", 5, 6, version=1, value="b")],
        State("r", 1, True, value="b"),
    ),
    "overlapping, in the other order": ([call("queue", 0, 9, target="t"), call("queue", 1, 2, target="u")],
                                        State("r", waiting=("u", "t"))),
    "unknown, and it was": ([call("fulfill", 0, math.inf, version=0, value="a")], DONE),
    "unknown, and it was not": ([call("fulfill", 0, math.inf, version=0, value="a")], FIRST),
}  # fmt: skip

WRONG = {
    "two yes for one version": ([FULFILL, call("fulfill", 1, 3, version=0, value="b")], DONE),
    "a value that was overwritten": ([FULFILL], DONE._replace(value="b")),
    "a target that was lost": ([call("queue", 0, 1, target="t")], FIRST),
    "a target that was told twice": (
        [
            call("queue", 0, 1, target="t"),
            call("fulfill", 2, 3, version=0, value="a"),
            call("done", 4, 5, targets=["t"]),
            call("notice", 6, 7, result={"waiting": ["t"], "value": "a"}),
        ],
        DONE,
    ),
    "a value of another version was told": (
        [FULFILL, call("queue", 3, 4, target="t"), call("notice", 5, 6, result={"waiting": ["t"], "value": "b"})],
        DONE._replace(waiting=("t",)),
    ),
    "a park that was lost": ([call("park", 0, 1)], FIRST),
    "an answer before its reason": ([call("fulfill", 0, 1, "AlreadyFulfilled", version=0, value="b"),
                                     call("fulfill", 2, 3, version=0, value="a")], DONE),
    "a refusal with an effect": ([], DONE),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str) -> None:
    assert explained(*_history(RIGHT[name]))


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    assert not explained(*_history(WRONG[name]))


def _history(told: tuple[list[Call], State]) -> tuple[list[Call], State, State]:
    return told[0], FIRST, told[1]


def test_calls_are_read_from_lines() -> None:
    lines: list[dict[str, Any]] = [
        {"call": 1, "t": 1.0, "op": "fulfill", "id": "x", "value": "a"},
        {"ret": 1, "t": 2.0, "error": "LeaseLost", "result": None},
        {"call": 2, "t": 3.0, "op": "pull"},
        {"ret": 2, "t": 4.0, "error": None, "result": {"id": "x", "version": 0}},
        {"call": 3, "t": 5.0, "op": "queue", "id": "x", "target": "t"},
    ]
    calls = calls_of("python", lines)
    assert [(found.op, found.unknown) for found in calls] == [("pull", False), ("queue", True)]
    assert not wrong(calls, {"x": "r"}, {"x": FIRST})
    assert list(wrong(calls, {"x": "r", "y": "r"}, {"x": FIRST})) == ["y"], "an acknowledged job that is not there"


def test_a_target_that_two_had_at_a_time_was_told_twice() -> None:
    waiting = {"waiting": ["t", "u"], "value": "a"}
    first = call("notice", 0, 1, result=waiting)
    done = call("done", 2, 5, targets=["t"])
    other = call("notice", 3, 4, result=waiting)._replace(process="python-2")
    assert told_twice([first, done, other]) == [(first, other)]
    assert not told_twice([first, done, other._replace(result={"waiting": ["u"], "value": "a"})])
    assert not told_twice([first, done._replace(error="LeaseLost", ended=math.inf), other])
