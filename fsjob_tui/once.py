"""The screen of the console as text, once: for a ticket, a cron line or a pipe. Imports no Textual.

A child looks, so that a store that does not answer cannot hang whoever asked: it tells its parent that it goes on.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from fsjob_core.facts import Mood, Verdict
from fsjob_core.feed import Show
from fsjob_core.health import SIGNS, WORST, duration

from .commands.common import print_json, say
from .commands.exits import FAILED, NO_STORE, OutputClosed, complain, run_safely
from .console import headings
from .console.errors import ALL
from .console.parts import Part
from .console.views import VIEWS, View
from .console.views.column import fit, put
from .glance import ERRORS_OF, Glance, look
from .settings import load
from .text import safe_text

ANSWERS_WITHIN = 10.0
"""Seconds without a sign of progress after which a store does not answer."""
ROWS, ROWS_OF_VIEW = 8, 40
WIDTH = 120
CODES = {Mood.STALLED: FAILED, Mood.SLOW: FAILED, Mood.LONG: FAILED, Mood.NOT_ANSWERING: NO_STORE}
"""Exit codes of what is not well."""
TROUBLE = frozenset(WORST) | {Verdict.BARRED}
LOOKED = b"!"

Printing = Callable[[Callable[[], None], Callable[[], None]], int]
"""Gives an exit code; is given what it calls as it goes on, and once it has all and only prints."""


def print_once(directory: str, view: str | None, as_json: bool) -> int:
    """Print the screen; gives the exit code: 0 moving, idle, empty, paused; 1 stalled, slow, long; 5 no answer."""
    shown = VIEWS[view] if view is not None else None
    rows = ROWS if shown is None else ROWS_OF_VIEW
    settings, wrong = load()
    for sentence in wrong:
        complain(safe_text(sentence))
    requests = Show(settings.kind, settings.masked_words)

    def show(progress: Callable[[], None], looked: Callable[[], None]) -> int:
        glance = look(directory, shown, rows, progress, requests)
        looked()
        if as_json:
            print_json(as_dict(glance, shown, rows))
        else:
            for text in screen(glance, shown, rows):
                say(text)
        return CODES.get(glance.model.verdict.mood, 0)

    code = in_a_child(show, ANSWERS_WITHIN)
    if code is None:
        text = f"the store has not answered for {duration(ANSWERS_WITHIN)}"
        if as_json:
            print_json({"directory": os.path.abspath(directory), "mood": Mood.NOT_ANSWERING, "verdict": text})
        else:
            say(f" {safe_text(os.path.abspath(directory))}")
            say(f"{SIGNS[Mood.NOT_ANSWERING]} NOT ANSWERING: {text}")
    return NO_STORE if code is None else code


def in_a_child(show: Printing, seconds: float) -> int | None:
    """Run `show` in a child; gives its exit code, or None where it made no progress for so many seconds."""
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(there)
        os._exit(run_safely(lambda: _shown(show, here)))
    os.close(here)
    try:
        while select.select([there], [], [], seconds)[0]:
            told = os.read(there, 1 << 16)
            if not told or LOOKED in told:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.kill(child, signal.SIGKILL)  # it ends when the call does in which it hangs, which nobody waits for
        return None
    except KeyboardInterrupt:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(there)


def _shown(show: Printing, pipe: int) -> int:
    try:
        return show(lambda: _tell(pipe, b"."), lambda: _tell(pipe, LOOKED))
    except BrokenPipeError:
        raise OutputClosed from None


def _tell(pipe: int, word: bytes) -> None:
    with suppress(OSError):
        os.write(pipe, word)


# ── as text ──


def screen(glance: Glance, shown: View | None, rows: int) -> Iterator[str]:
    """The lines of the screen."""
    model, now = glance.model, glance.now
    width = max(shutil.get_terminal_size((WIDTH, 24)).columns, 60)
    yield _text(headings.store_parts(model, width, now=now))
    verdict = model.verdict
    yield f"{SIGNS[verdict.mood]} {safe_text(verdict.text)}"
    yield _text(headings.tabs_parts(model, width, None))
    yield _text(headings.rates_parts(model, width, shown or VIEWS["pending"], now))
    if shown is not None:
        yield from _table(glance, shown, rows, width, shown.title)
        return
    troubled = [row for row in model.locks.values() if row.info.verdict in TROUBLE]
    yield from _section("LOCKS IN TROUBLE", len(troubled), rows, (
        f"{SIGNS[row.info.verdict]} {row.info.verdict.upper():<7} {row.info.kind:<12} {safe_text(row.info.id)}  "
        f"{safe_text(row.info.proof)}" for row in troubled[:rows]
    ))  # fmt: skip
    yield from _table(glance, VIEWS["pending"], rows, width, "OLDEST PENDING")
    of = "" if glance.errors_of == model.counts.parked else f" OF THE LAST {glance.errors_of:,}"
    yield from _table(glance, VIEWS["parked"], rows, width, f"PARKED{of}, BY ERROR")
    yield from _table(glance, VIEWS["problems"], rows, width, "PROBLEMS, `fsjob doctor` tells more")


def _section(title: str, count: int, rows: int, lines: Iterable[str]) -> Iterator[str]:
    if count:
        yield ""
        yield title
        yield from lines
        if count > rows:
            yield f"  … {count - rows:,} more"


def _table(glance: Glance, view: View, rows: int, width: int, title: str) -> Iterator[str]:
    model, keys = glance.model, glance.rows(view, rows)
    if not keys:
        return
    yield ""
    yield title
    columns = fit(view.columns, width)
    yield " ".join(put(column.title, each, right=column.right) for column, each in columns).rstrip()
    for key in keys:
        cells = [(column, each, column.cell(model, key, glance.now).text) for column, each in columns]
        yield " ".join(
            put(text, each, right=column.right, is_id=column.title == "JOB") for column, each, text in cells
        ).rstrip()
    more = (view.total(model) if view.reads else len(view.source(model))) - len(keys)
    if more > 0:
        yield f"  … {more:,} more"


def _text(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts).rstrip()


# ── as JSON ──


def as_dict(glance: Glance, shown: View | None, rows: int) -> dict[str, Any]:
    """The same for a program: nothing cut, times in seconds since 1970."""
    model, overview, hello = glance.model, glance.model.overview, glance.model.hello
    assert overview is not None and hello is not None
    view = shown or VIEWS["pending"]
    jobs = [view.job_of(model, key) for key in glance.rows(view, rows)]
    return {
        "directory": hello.root,
        "name": hello.label.name,
        "class": hello.label.klass,
        "filesystem": hello.filesystem,
        "host": hello.host,
        "at": datetime.fromtimestamp(glance.now, UTC).isoformat(timespec="milliseconds"),
        "mood": overview.verdict.mood,
        "verdict": overview.verdict.text,
        "evidence": [each._asdict() for each in overview.verdict.evidence],
        "counts": model.counts.as_dict(),
        "workers": {each: sum(worker.state == each for worker in model.workers.values()) for each in STATES},
        "rate_in": overview.rate_in,
        "rate_out": overview.rate_out,
        "oldest": overview.oldest,
        "usual": overview.usual,
        "p95": overview.p95,
        "paused": overview.paused,
        "locks": [
            {"id": row.info.id, "kind": row.info.kind, "verdict": row.info.verdict, "proof": row.info.proof,
             "owner": row.info.whose, "last_beat": row.info.last_beat}
            for row in model.locks.values() if row.info.verdict in TROUBLE
        ],
        "view": view.name,
        "jobs": [{"id": job_id, "since": _row_since(glance, view, job_id)} for job_id in jobs if job_id],
        "parked_by_error": [
            {"error": error, "jobs": len(model.errors.rows(error) or ())}
            for error in glance.rows(VIEWS["parked"], ERRORS_OF) if error != ALL
        ],
        "problems": None if model.findings.told.examined is None else [
            {"kind": group.kind, "count": group.count, "remedy": group.kind.remedy,
             "first": [{"id": problem.id, "path": problem.path} for problem in group.first[:rows]]}
            for group in model.findings.told.groups
        ],
    }  # fmt: skip


STATES = ("busy", "idle", "draining", "paused", "gone")


def _row_since(glance: Glance, view: View, job_id: str) -> float | None:
    rows = glance.model.rows.get(view.name)
    return rows.since(job_id) if rows is not None else None
