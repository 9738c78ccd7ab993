"""What an operator writes to see some jobs only: the filter's language, and whether a job matches. Pure: no disk.

    FILTER  terms between spaces, all of which must hold; `!` before a term: it must not
    TERM    text in the job's id, or FIELD:TEXT; "..." holds spaces, colons and dots together (\\" and \\\\ in it)

    request:text       any value in the request            owner:text    who holds a lock: worker, host, pid
    request.path:text  that value, or one inside of it      worker:text   the worker's name alone
    value:text         the first 64 kB of the value         target:text   somebody who waits for the value
    error:text         why it failed, or was parked         is:word       one of IS

Case does not count. Of a string a part is enough; a number, true, false and null are named whole, so that
`request.n:1` is not 10. A path goes by members, and by an index or through any element of an array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .errors import InvalidFilter
from .facts import VIEWS, LockInfo, Verdict
from .ledger import read_ledger
from .record import JobRecord, Json, dump

FIELDS = ("request", "value", "is", "error", "owner", "worker", "target")
VERDICTS = tuple(verdict.value for verdict in Verdict)
OF_RECORDS = ("due", "later", "tried", "error")
"""`due`: it may be tried now; `later`: it waits for its next try; `tried`: it was; `error`: one is written on it."""
IS = (*VERDICTS, *VIEWS, *OF_RECORDS)

LONGEST = 1000
"""Characters of a filter."""
LONGEST_INDEX = 9
"""Digits that the index of an array has at most."""


class Known(Protocol):
    """What is known of jobs without opening any of them."""

    def is_in(self, view: str, job_id: str) -> bool:
        """Whether a job is in a view; "locked": whether any lock of it stands."""

    def locks_of(self, job_id: str) -> Sequence[LockInfo]:
        """The locks of a job."""


class Term(NamedTuple):
    """One condition. `text` is casefolded."""

    field: str
    text: str
    path: tuple[str, ...] = ()
    negated: bool = False
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, its terms sorted by what must be looked at to judge them."""

    text: str
    ids: tuple[Term, ...]
    known: tuple[Term, ...]
    """Of views and locks."""
    records: tuple[Term, ...]
    values: tuple[Term, ...]

    @property
    def reads(self) -> bool:
        """Whether jobs must be opened to judge them."""
        return bool(self.records or self.values)

    @property
    def wants_lock(self) -> bool:
        """Whether no job without a lock can match."""
        return any(_is_of_lock(term) and not term.negated for term in self.known)

    @property
    def changes_by_itself(self) -> bool:
        """Whether what an opened job tells may change with time alone."""
        return any(term.text in ("due", "later") for term in self.records if term.field == "is")

    def may_be(self, job_id: str) -> bool:
        """Whether a job's id matches."""
        return all((term.text in job_id.casefold()) is not term.negated for term in self.ids)

    def narrow(self, job_ids: Iterable[str]) -> list[str]:
        """The ids that match, of a million perhaps."""
        found = list(job_ids)
        for text, negated in [(term.text, term.negated) for term in self.ids]:
            found = [job_id for job_id in found if (text in job_id.casefold()) is not negated]
        return found

    def at_once(self, job_id: str, known: Known) -> bool | None:
        """Whether a job matches, as far as ids, views and locks tell; None: it must be opened."""
        if not self.may_be(job_id):
            return False
        if not all(_holds_known(term, job_id, known) is not term.negated for term in self.known):
            return False
        return None if self.reads else True

    def holds(self, record: JobRecord, value: Callable[[], bytes], now: float) -> bool:
        """Whether the rest of it holds for a job that was opened. `value` reads the start of its value."""
        if not all(_holds_record(term, record, now) is not term.negated for term in self.records):
            return False
        if not self.values:
            return True
        text = value().decode("utf-8", "replace").casefold()
        return all((term.text in text) is not term.negated for term in self.values)


# ── parsing ───────────────────────────────────────────────────────────────────────────────────────────────


class _Sign(NamedTuple):
    """One character of a term; a quoted one means nothing but itself."""

    character: str
    quoted: bool
    at: int

    def separates(self, character: str) -> bool:
        return self.character == character and not self.quoted


def parse_filter(text: str) -> Filter:
    """Raises InvalidFilter: one line that names the column."""
    if len(text) > LONGEST:
        raise InvalidFilter(f"column {LONGEST + 1}: a filter has at most {LONGEST:,} characters")
    terms = list(_terms(text))

    def of(*fields: str) -> tuple[Term, ...]:
        return tuple(term for term in terms if _kind(term) in fields)

    return Filter(text, of("id"), of("known"), of("record"), of("value"))


def _kind(term: Term) -> str:
    """What must be looked at to judge a term."""
    if term.field in ("id", "value"):
        return term.field
    of_record = term.field in ("request", "error", "target") or (term.field == "is" and term.text in OF_RECORDS)
    return "record" if of_record else "known"


def _is_of_lock(term: Term) -> bool:
    return term.field in ("owner", "worker") or (term.field == "is" and term.text in (*VERDICTS, "locked"))


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        began = at
        negated = text[at] == "!"
        signs, at = _word(text, at + negated)
        if not signs:
            raise InvalidFilter(f"column {began + 1}: nothing follows the !")
        yield _term(signs, negated)


def _word(text: str, at: int) -> tuple[list[_Sign], int]:
    """The characters up to the next space that is not quoted, and where it stands."""
    signs: list[_Sign] = []
    opened = -1
    while at < len(text) and (opened >= 0 or not text[at].isspace()):
        character = text[at]
        if opened >= 0 and character == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
            signs.append(_Sign(text[at], True, at))
        elif character == '"':
            opened = -1 if opened >= 0 else at
        else:
            signs.append(_Sign(character, opened >= 0, at))
        at += 1
    if opened >= 0:
        raise InvalidFilter(f"column {opened + 1}: this quote is not closed")
    return signs, at


def _term(signs: list[_Sign], negated: bool) -> Term:
    colon = next((index for index, sign in enumerate(signs) if sign.separates(":")), None)
    if colon is None:
        return Term("id", _text(signs), negated=negated)
    path, text = _path(signs[:colon]), _text(signs[colon + 1 :])
    begin, after = f"column {signs[0].at + 1}", f"column {signs[colon].at + 2}"
    field, name = path[0], ".".join(path)
    if field not in FIELDS or (len(path) > 1 and field != "request"):
        fields = f"{', '.join(FIELDS)}; text that has a colon goes in quotes"
        raise InvalidFilter(f"{begin}: there is no field {name!r:.40}, but {fields}")
    if field == "is" and text not in IS:
        raise InvalidFilter(f"{after}: is what? {', '.join(IS)}")
    if not text:
        raise InvalidFilter(f"{after}: what is to be in {name:.40}?")
    return Term(field, text, path[1:], negated, _number(text))


def _text(signs: Sequence[_Sign]) -> str:
    return "".join(sign.character for sign in signs).casefold()


def _path(signs: Sequence[_Sign]) -> tuple[str, ...]:
    parts = [""]
    for sign in signs:
        if sign.separates("."):
            parts.append("")
        else:
            parts[-1] += sign.character
    if "" in parts[1:]:
        raise InvalidFilter(f"column {signs[0].at + 1}: a name is missing before or after a dot")
    return tuple(parts)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


# ── judging ───────────────────────────────────────────────────────────────────────────────────────────────


def _holds_known(term: Term, job_id: str, known: Known) -> bool:
    if term.field == "is":
        if term.text in VIEWS:
            return known.is_in(term.text, job_id)
        return any(lock.verdict == term.text for lock in known.locks_of(job_id))
    return any(term.text in _whose(lock, term.field).casefold() for lock in known.locks_of(job_id))


def _whose(lock: LockInfo, field: str) -> str:
    if field == "owner":
        return lock.whose
    return lock.owner.worker if lock.owner else ""


def _holds_record(term: Term, record: JobRecord, now: float) -> bool:
    if term.field == "request":
        return any(_contains(value, term) for value in _at(record.request, term.path))
    if term.field == "target":
        return any(_contains(target, term) or term.text in _shown(target) for target in record.waiting)
    if term.field == "error":
        return any(term.text in error.casefold() for error in errors_of(record))
    if term.text == "tried":
        return bool(record.number("attempts") or read_ledger(record))
    if term.text == "error":
        return any(errors_of(record))
    is_open = not record.fulfilled and not record.is_parked
    return is_open and (record.number("not_before") > now) is (term.text == "later")


def errors_of(record: JobRecord) -> Iterator[str]:
    """All that is written on a job of why something failed."""
    yield from filter(None, (record.text("last_error"), record.parked_for))
    yield from (entry.error for entry in read_ledger(record) if entry.error)


def _at(value: Json, path: Sequence[str]) -> list[Json]:
    """What stands at a path: nothing, one value, or, through an array, several."""
    found = [value]
    for name in path:
        index = int(name) if name.isdecimal() and len(name) <= LONGEST_INDEX else None
        further: list[Json] = []
        for each in found:
            if isinstance(each, list) and index is not None:
                further += each[index : index + 1]
                continue
            inner = each if isinstance(each, list) else [each]
            further += [one[name] for one in inner if isinstance(one, dict) and name in one]
        found = further
    return found


def _contains(value: Json, term: Term) -> bool:
    """Whether a value, or one inside of it, has the text. Without recursion: requests may be nested deep."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list):
            left += each
        elif _is(each, term):
            return True
    return False


def _shown(target: Json) -> str:
    """A target as lists show it: its members' names are known by heart as well as what they hold."""
    return dump(target, "a target").decode("utf-8").casefold()


def _is(scalar: Json, term: Term) -> bool:
    if isinstance(scalar, str):
        return term.text in scalar.casefold()
    if scalar is None or isinstance(scalar, bool):
        return term.text == {None: "null", True: "true", False: "false"}[scalar]
    return (term.number is not None and bool(scalar == term.number)) or str(scalar) == term.text
