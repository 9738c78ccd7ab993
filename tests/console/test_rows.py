from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fsjob_core.facts import Entry
from fsjob_core.feed import Delta, Overview
from fsjob_tui.console.model import Model
from fsjob_tui.console.rows import FEW, Rows
from fsjob_tui.console.views import VIEWS
from fsjob_tui.console.views.column import fit, gaps, put

CHANGES = st.lists(
    st.tuples(st.lists(st.integers(0, 30)), st.lists(st.tuples(st.integers(0, 30), st.floats(0, 99)))), max_size=12
)


@given(changes=CHANGES, newest=st.booleans(), bulk=st.booleans())
def test_rows_are_what_a_sorted_list_would_be(
    changes: list[tuple[list[int], list[tuple[int, float]]]], newest: bool, bulk: bool
) -> None:
    rows, naive = Rows(newest=newest), dict[str, float]()
    filler = [Entry(f"filler-{number}", 200.0 + number) for number in range(FEW * 2)] if bulk else []
    for gone, came in changes:
        entries = list({str(name): Entry(str(name), since) for name, since in came}.values())
        rows.change(map(str, gone), [*entries, *filler])
        for name in gone:
            naive.pop(str(name), None)
        for entry in (*entries, *filler):
            naive.setdefault(entry.id, entry.since)
        expected = [name for since, name in sorted((since, name) for name, since in naive.items())]
        if newest:
            expected.reverse()
        assert [rows.key(index) for index in range(len(rows))] == expected
        assert all(rows.index(name) == index for index, name in enumerate(expected))


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
