"""Parked jobs by their error, problems as rows, and the unit of the worker: no screen, no disk."""

from __future__ import annotations

from fsjob_core.doctor import Kind, Problem
from fsjob_core.facts import Entry
from fsjob_core.feed import Delta, Grouped, ProblemGroup, Problems
from fsjob_tui.console.embedded import _unit_word
from fsjob_tui.console.findings import MANY, Findings
from fsjob_tui.console.model import Model
from fsjob_tui.console.rows import Source


def keys(source: Source) -> list[str]:
    return [source.key(index) for index in range(len(source))]


def parked(model: Model, came: str = "", gone: str = "", *, reset: bool = False) -> None:
    entries = tuple(Entry(job_id, float(ord(job_id))) for job_id in came)
    model.apply(Delta("parked", tuple(gone), entries, reset=reset))


def groups(model: Model) -> dict[str, list[str]]:
    found = {error: model.errors.rows(error) for error in keys(model.errors.listed())[:-1]}
    return {error: keys(rows) for error, rows in found.items() if rows is not None}


def test_groups_follow_what_is_parked_and_what_it_failed_of() -> None:
    model = Model("/store")
    parked(model, "abcde")
    model.apply(Grouped((("no font", ("a", "b")), ("no disk", ("c", "d", "e"))), 5, 5))
    assert groups(model) == {"no disk": ["e", "d", "c"], "no font": ["b", "a"]}
    assert keys(model.errors.listed())[-1] == "", "at the end stands the group of all"
    model.apply(Grouped((("no font", ("c", "d")),), 5, 5))
    assert groups(model) == {"no font": ["d", "c", "b", "a"], "no disk": ["e"]}
    parked(model, gone="e")
    assert groups(model) == {"no font": ["d", "c", "b", "a"]}
    parked(model, "e")
    assert groups(model) == {"no font": ["d", "c", "b", "a"]}, "it is read again before it is of a group again"
    model.apply(Grouped((("no font", ("z",)),), 6, 6))
    assert groups(model) == {"no font": ["d", "c", "b", "a"]}, "it has left meanwhile"
    parked(model, "xy", reset=True)
    assert groups(model) == {}


def test_no_group_changes_its_place_while_more_are_read() -> None:
    model = Model("/store")
    parked(model, "abcde")
    model.apply(Grouped((("one", ("a",)),), 1, 5))
    assert keys(model.errors.listed()) == ["one", ""]
    model.apply(Grouped((("two", ("b", "c")),), 3, 5))
    assert keys(model.errors.listed()) == ["one", "two", ""]
    model.apply(Grouped((("two", ("d", "e")),), 5, 5))
    assert keys(model.errors.listed()) == ["two", "one", ""]


def test_many_of_a_kind_and_links_to_one_place_are_one_row() -> None:
    def group(kind: Kind, place: str, count: int) -> ProblemGroup:
        first = tuple(Problem(kind, f"j{n}", f"/store/pending/j{n}", 1.0, "", 0, place) for n in range(min(count, 200)))
        return ProblemGroup(kind, place, count, 1.0, first)

    findings = Findings()
    few, drift = group(Kind.VALUE_MISSING, "", 2), group(Kind.LINK_ELSEWHERE, "/old", 2)
    many = group(Kind.PENDING_WITHOUT_LINK, "", MANY + 1)
    findings.take(Problems((few, drift, many), 1.0))
    problem = f"{Kind.VALUE_MISSING} /store/pending/"
    assert keys(findings.listed) == [f"{problem}j0", f"{problem}j1", drift.key, many.key]
    assert len(findings.of(many.key)) == MANY + 1 and set(keys(findings.listed)) <= set(findings.rows)


def test_the_words_of_a_unit_are_as_systemd_reads_them() -> None:
    words = ["node", "a b", "100%", "$HOME", 'say "hi"', "back\\slash", "line\nfeed", ""]
    assert list(map(_unit_word, words)) == [
        "node", '"a b"', "100%%", "$$HOME", '"say \\"hi\\""', '"back\\\\slash"', '"line\\nfeed"', '""',
    ]  # fmt: skip
