from __future__ import annotations

import functools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsjob_core.errors import CorruptJob, InvalidRequest
from fsjob_core.host import REAL
from fsjob_core.record import MAX_STATE, Ids, JobRecord, dump, from_bytes, key_of_time, made_at, same_json, without

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(request=JSON, waiting=st.lists(JSON, max_size=3), version=st.integers(0, 9))
def test_a_record_survives_the_disk(request: object, waiting: list[object], version: int) -> None:
    record = JobRecord("x", request, version, 1, waiting, {"unknown": [1], "fsjob": {"attempts": 2}})
    assert from_bytes("x", record.to_bytes()) == record


def test_lone_surrogates_and_large_integers_are_kept() -> None:
    data = b'{"version":0,"state":1,"waiting":[],"request":{"s":"\\ud800","n":123456789012345678901234567890}}'
    record = from_bytes("x", data)
    assert record.request == {"s": "\ud800", "n": 123456789012345678901234567890}
    assert from_bytes("x", record.to_bytes()) == record


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\0" * 40, "zero bytes"),
        (b'{"version":0,', "no JSON"),
        (b"[1]", "no object but a list"),
        (b'{"version":0,"state":1,"waiting":[],"request":NaN}', "NaN"),
        (b'{"version":0,"state":1,"waiting":[],"request":1e999}', "too large"),
        (b'{"version":true,"state":1,"waiting":[]}', "version"),
        (b'{"version":0,"state":3,"waiting":[]}', "state"),
        (b'{"version":0,"state":1}', "waiting"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "too deep"),
        (b'{"version":0,"state":1,"waiting":[],"request":' + b"9" * 5000 + b"}", "no JSON"),
    ],
)
def test_what_cannot_be_used_is_corrupt_and_says_why(data: bytes, says: str) -> None:
    with pytest.raises(CorruptJob, match=says):
        from_bytes("x", data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), b"bytes", "x" * (MAX_STATE + 1)])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest):
        dump(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(InvalidRequest):
        dump(loop)


def test_values_compare_as_json_does() -> None:
    assert same_json(1, 1.0)
    assert same_json({"a": 1, "b": [True]}, {"b": [True], "a": 1.0})
    assert not same_json(True, 1)
    assert not same_json([0], [False])
    assert not same_json("1", 1)
    ends: list[object] = [1, 1, True]
    deep = [functools.reduce(lambda inner, _: [{"a": inner}], range(5000), end) for end in ends]
    assert same_json(deep[0], deep[1]) and not same_json(deep[0], deep[2])
    assert without([1, True, 1, "x"], [1.0, "y"]) == [True, 1, "x"]


def test_ids_in_order_are_jobs_in_order() -> None:
    made = [Ids.of(REAL).new() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == 2000
    at = made_at(made[0])
    assert at is not None and abs(at - REAL.time()) < 5
    assert key_of_time(at - 1) < made[0] < key_of_time(at + 60)


def test_foreign_ids_tell_no_time() -> None:
    assert made_at("job-1234abcdEFGH") is None


def test_members_of_ours_are_added_and_taken_away() -> None:
    record = JobRecord("x", 1, extra={"keep": 1}).with_ours(attempts=2, last_error="no")
    assert json.loads(record.to_bytes())["fsjob"] == {"attempts": 2, "last_error": "no"}
    assert record.with_ours(attempts=None, last_error=None).extra == {"keep": 1}
