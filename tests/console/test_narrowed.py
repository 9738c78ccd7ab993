"""The rows that a filter and an order leave, however the store changes under them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsjob_core.errors import InvalidFilter
from fsjob_core.facts import Entry, LockInfo, Verdict
from fsjob_core.feed import Delta, Details, Found, LockRow, Locks, Message, RowDetail, Search
from fsjob_tui.console.model import Model
from fsjob_tui.console.narrowed import Order
from fsjob_tui.console.views import VIEWS
from fsjob_tui.console.views.cells import BY_TRIES, by_lock

PENDING = VIEWS["pending"]
VERDICTS = (Verdict.DEAD, Verdict.LIVE)
READ = ("request.a:b", "!is:dead request.a:b", "is:locked request.a:b")
FILTERS = ("", "1", "is:dead", "!is:locked", "is:waiting", "1 !is:live", *READ)

ids = st.integers(0, 12).map(str)
deltas = st.builds(
    lambda view, gone, came: Delta(view, tuple(gone), tuple(Entry(name, since) for name, since in came.items())),
    st.sampled_from(["pending", "waiting"]), st.lists(ids), st.dictionaries(ids, st.floats(0, 9)),
)  # fmt: skip
locks = st.dictionaries(ids, st.sampled_from(VERDICTS)).map(
    lambda held: Locks(tuple(LockRow(_lock(name, verdict), (0.0,)) for name, verdict in held.items()))
)
found = st.builds(lambda came, gone: (set(came), set(gone)), st.lists(ids), st.lists(ids))
details = st.dictionaries(ids, st.integers(0, 5)).map(
    lambda tried: Details(tuple(RowDetail(name, attempts=count) for name, count in tried.items()))
)


def _lock(job_id: str, verdict: Verdict) -> LockInfo:
    return LockInfo("work", job_id, "/x", None, None, 0.0, 1, 1, verdict, "")


def rows(model: Model) -> list[str]:
    source = PENDING.source(model)
    keys = [source.key(index) for index in range(len(source))]
    assert [source.index(key) for key in keys] == list(range(len(keys)))
    return keys


def matches(text: str, model: Model, job_id: str, read: set[str]) -> bool:
    """Each filter of FILTERS in words of its own."""
    lock = model.work_locks.get(job_id)
    return {
        "": True,
        "1": "1" in job_id,
        "is:dead": lock is not None and lock.verdict is Verdict.DEAD,
        "!is:locked": lock is None,
        "is:waiting": job_id in model.rows["waiting"],
        "1 !is:live": "1" in job_id and not (lock is not None and lock.verdict is Verdict.LIVE),
        READ[0]: job_id in read,
        READ[1]: job_id in read and not (lock is not None and lock.verdict is Verdict.DEAD),
        READ[2]: job_id in read and lock is not None,
    }[text]


@settings(max_examples=200, deadline=None)
@given(
    text=st.sampled_from(FILTERS),
    order=st.sampled_from([None, Order("LOCK", by_lock), Order("LOCK", by_lock, reverse=True),
                           Order("TRY", BY_TRIES, reads=True), Order("TRY", BY_TRIES, reads=True, reverse=True)]),
    changes=st.lists(st.one_of(deltas, locks, found, details), max_size=10),
)  # fmt: skip
def test_rows_are_those_that_match_in_their_order(
    text: str, order: Order | None, changes: list[Message | tuple[set[str], set[str]]]
) -> None:
    model, read, tried = Model("/store"), set[str](), dict[str, float]()
    model.narrowed.set_filter(text)
    if order is not None:
        model.narrowed.set_order("pending", order)
    search = model.narrowed.search("pending")
    assert search == Search("pending", text if text in READ else "")
    for change in changes:
        rows(model)
        if isinstance(change, tuple):
            came, gone = change[0] - read, (change[1] & read) - change[0]
            read = (read | came) - gone
            model.apply(Found(search, tuple(came), tuple(gone), 1, 1, 0, True))
        else:
            model.apply(change)
        if isinstance(change, Details):
            tried |= {row.id: float(row.attempts) for row in change.details if PENDING.name in model.rows}
    expected = [job_id for job_id in list(model.rows["pending"].keys()) if matches(text, model, job_id, read)]

    def by(job_id: str) -> tuple[float, str]:
        if order is None:
            return model.rows["pending"].since(job_id) or 0.0, job_id
        last = float("-inf") if order.reverse else float("inf")
        value = tried.get(job_id) if order.reads else by_lock(model, job_id)
        return (last if value is None else value), job_id

    expected.sort(key=by, reverse=order is not None and order.reverse)
    assert rows(model) == expected


def test_a_wrong_filter_changes_nothing() -> None:
    model = Model("/store")
    model.apply(Delta("pending", came=(Entry("abc", 1.0), Entry("xyz", 2.0)), reset=True))
    model.narrowed.set_filter("abc")
    for wrong in ("abc is:nothing", "kind:x", '"'):
        with pytest.raises(InvalidFilter):
            model.narrowed.set_filter(wrong)
        assert (model.narrowed.text, rows(model)) == ("abc", ["abc"])


def test_what_an_older_search_found_is_not_believed() -> None:
    model = Model("/store")
    model.apply(Delta("pending", came=(Entry("abc", 1.0),), reset=True))
    model.narrowed.set_filter("request:x")
    old = model.narrowed.search("pending")
    model.narrowed.set_filter("request:y")
    new = model.narrowed.search("pending")
    model.apply(Found(old, ("abc",), (), 1, 1, 0, True, reset=True))
    assert rows(model) == [] and model.narrowed.searching
    model.apply(Found(new, ("abc",), (), 1, 2, 0, False, reset=True))
    assert rows(model) == ["abc"]
    model.narrowed.stop()
    assert model.narrowed.search("pending") == Search("pending", "")
    assert rows(model) == ["abc"] and not model.narrowed.searching, "what was found stays"


def test_jobs_are_asked_for_that_must_be_read_for_their_order() -> None:
    model = Model("/store")
    model.apply(Delta("pending", came=(Entry("abc", 1.0), Entry("xyz", 2.0)), reset=True))
    model.narrowed.set_order("pending", Order("TRY", BY_TRIES, reads=True, reverse=True))
    assert rows(model) == ["xyz", "abc"]
    assert set(model.narrowed.to_read()) == {"abc", "xyz"} and model.narrowed.to_read() == ()
    model.apply(Details((RowDetail("abc", attempts=3), RowDetail("xyz", attempts=1))))
    assert rows(model) == ["abc", "xyz"]
    model.apply(Delta("pending", came=(Entry("new", 3.0),)))
    assert rows(model) == ["abc", "xyz", "new"] and model.narrowed.to_read() == ("new",)
