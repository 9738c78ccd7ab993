from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsjob_core.facts import Entry
from fsjob_core.feed import Delta, Entries, Overview
from fsjob_core.host import REAL
from fsjob_core.record import Ids, all_made_at, made_at
from fsjob_tui.console import rows as kept
from fsjob_tui.console.model import Model
from fsjob_tui.console.rows import Rows
from fsjob_tui.console.views import VIEWS
from fsjob_tui.console.views.column import fit, gaps, put

IDS = [str(number) if number % 3 else Ids.of(REAL).new() for number in range(30)]
"""Foreign ones, and some that tell when they were made."""
ENTRIES = st.builds(
    lambda job_id, since: Entry(job_id, since if since is not None else made_at(job_id) or 50.0),
    st.sampled_from(IDS), st.none() | st.floats(0, 99) | st.sampled_from([3.0, float("inf"), float("-inf")]),
)  # fmt: skip
CHANGES = st.lists(st.tuples(st.lists(st.sampled_from(IDS)), st.lists(ENTRIES)), max_size=12)


@given(changes=CHANGES, newest=st.booleans(), block=st.sampled_from([1, 2, 1000]))
def test_rows_are_what_a_sorted_list_would_be(
    changes: list[tuple[list[str], list[Entry]]], newest: bool, block: int
) -> None:
    naive = dict[str, float]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "BLOCK", block)
        patch.setattr(kept, "OPEN", block)
        patch.setattr(kept, "FEW", block)
        rows = Rows(newest=newest)
        for gone, entries in changes:
            came = {entry.id: entry for entry in entries}
            rows.change(gone, came.values())
            for name in gone:
                naive.pop(name, None)
            for entry in came.values():
                naive.setdefault(entry.id, entry.since)
            expected = [name for since, name in sorted((since, name) for name, since in naive.items())]
            assert list(rows) == expected and rows.keys() == naive.keys()
            if newest:
                expected.reverse()
            assert rows.first(len(rows)) == expected
            assert [rows.index(name) for name in expected] == list(range(len(expected)))
            assert all(rows.since(name) == naive.get(name) for name in IDS)
            wanted = set(IDS[:15])
            only = rows.only(wanted)
            assert only.first(len(only)) == [name for name in expected if name in wanted]


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (0, 1, 0), (2, 1, 0)])
def test_packed_rows_are_put_in_as_they_come(order: tuple[int, ...], few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BLOCK", 10), ("OPEN", 2), ("FEW", few)):
        monkeypatch.setattr(kept, name, value)
    ids = [Ids.of(REAL).new() for _ in range(90)]
    rows, there = Rows(), set[str]()
    for number in order:
        part = ids[number * 30 : number * 30 + 30]
        times = all_made_at(part)
        assert times is not None
        sent: Entries = pickle.loads(pickle.dumps(Entries(part, times, told=True)))
        assert list(sent) == [Entry(job_id, made_at(job_id) or 0.0) for job_id in part]
        rows.change((), sent)
        there.update(part)
        assert list(rows) == sorted(there) and rows.first(5) == sorted(there)[:5]
    rows.change(ids[5:60:2], ())
    assert list(rows) == sorted(there - set(ids[5:60:2]))


def test_a_filter_shows_how_many_of_how_many() -> None:
    model = Model("/store")
    model.apply(Delta("pending", came=(Entry("job-abc", 1.0), Entry("job-xyz", 2.0)), reset=True))
    model.narrowed.set_filter("abc")
    assert len(VIEWS["pending"].source(model)) == 1
    model.apply(Delta("pending", came=(Entry("job-abcd", 3.0),)))
    assert len(VIEWS["pending"].source(model)) == 2
    model.narrowed.set_filter("")
    assert len(VIEWS["pending"].source(model)) == 3


def test_a_reset_forgets_what_was_there() -> None:
    model = Model("/store")
    model.apply(Delta("pending", came=(Entry("old", 1.0),), reset=True))
    model.apply(Delta("pending", came=(Entry("new", 1.0),), reset=True))
    assert [VIEWS["pending"].source(model).key(0)] == ["new"] and len(VIEWS["pending"].source(model)) == 1


@given(width=st.integers(24, 220), view=st.sampled_from(sorted(VIEWS)))
def test_columns_fit_and_never_wrap(width: int, view: str) -> None:
    fitted = fit(VIEWS[view].columns, width)
    assert sum(each for _, each in fitted) + gaps([column for column, _ in fitted]) <= width
    assert len(fitted) >= 2


@given(text=st.text(max_size=40), width=st.integers(0, 30), right=st.booleans())
def test_put_fills_exactly_so_many_cells(text: str, width: int, right: bool) -> None:
    from rich.cells import cell_len

    from fsjob_tui.text import safe_text

    assert cell_len(put(safe_text(text), width, right=right)) == width


def test_the_model_stands_without_any_message() -> None:
    model = Model("/store")
    assert model.verdict.text
    assert all(view.total(model) == 0 and len(view.source(model)) == 0 for view in VIEWS.values())
    assert not isinstance(model.overview, Overview)
