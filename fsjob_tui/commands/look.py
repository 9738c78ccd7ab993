"""Commands that only read: ls, show, why, value. They never make a store and take no lock."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import click

from fsjob_core.clock import SECONDS, utc
from fsjob_core.errors import FsJobError, JobNotFound
from fsjob_core.facts import VIEWS, JobDetail, LockInfo
from fsjob_core.filtering import Known, parse_filter
from fsjob_core.ledger import Tries, entry_of, read_ledger
from fsjob_core.matching import OneLock, SeenOnce, opened_matches
from fsjob_core.store import JobStore

from ..text import safe_bytes, safe_text, short_age, short_size
from .arguments import job_ids, many_ids
from .common import print_json, printing, reading, say, with_store
from .exits import complain, exit_code, sentence

CHUNK = 1 << 20
SHOWN = 2000
"""Bytes of a value that `show` prints."""


@click.command("ls")
@click.argument("view", type=click.Choice(VIEWS), default="pending")
@click.option("-n", "--limit", type=click.IntRange(1), help="At most so many, the oldest.")
@click.option("--filter", "wanted", metavar="FILTER", default="", help="Only what matches, as / in the console.")
@with_store
def ls_command(directory: str, as_json: bool, view: str, limit: int | None, wanted: str) -> None:
    """List the jobs of a VIEW, oldest first: pending, locked, waiting, fulfilled or parked.

    A FILTER is text in the id or FIELD:TEXT: request (request.path.to), value (its first 64 kB), error, target,
    owner, worker; is:WORD, such as dead, tried or later. All must hold; ! before one is not; "..." holds spaces.

    \b
    Examples:
      fsjob ls
      fsjob ls parked -n 20
      fsjob ls parked --filter 'error:ENOSPC !request.type:resize' --json | jq -r .id | fsjob requeue -
    """
    store = reading(directory)
    matching = Matching(store, wanted)
    if view == "locked":
        from .locks import print_locks

        print_locks(store, as_json, limit, matching.lock)
        matching.end()
        return
    now = store.host.time()
    entries = sorted(store.views.entries(view), key=lambda entry: (entry.since, entry.id))
    found = islice((entry for entry in entries if matching.job(entry.id)), limit)
    for entry in found:  # not flushed line by line: there may be a million
        if as_json:
            line = json.dumps({"id": entry.id, "since": entry.since})
        else:
            line = f"{safe_text(entry.id)}  {short_age(now - entry.since):>7}"
        with printing():
            sys.stdout.write(f"{line}\n")
    if not entries and not as_json and sys.stdout.isatty():
        say(f"nothing is {view} in {safe_text(store.directory)}")
    matching.end()


class Matching:
    """Judges jobs and locks by a filter; those that cannot be read do not match, and are counted."""

    def __init__(self, store: JobStore, text: str) -> None:
        self._views = store.views
        self._wanted = parse_filter(text)
        self._seen = SeenOnce(store.views)
        self._unreadable = 0

    def job(self, job_id: str, known: Known | None = None) -> bool:
        """Whether a job matches."""
        found = self._wanted.at_once(job_id, known or self._seen)
        if found is None:
            found = opened_matches(self._views, self._wanted, job_id)
            self._unreadable += found is None
        return found is True

    def lock(self, lock: LockInfo) -> bool:
        """Whether a lock matches, or its job does."""
        return self.job(lock.id, OneLock(self._seen, lock))

    def end(self) -> None:
        """Say how many could not be judged."""
        if self._unreadable:
            many = "1 job" if self._unreadable == 1 else f"{self._unreadable:,} jobs"
            complain(f"{many} cannot be read, or have a state.json of over 1 MiB: whether they match is not known")


# ── one job after the other ──


def _each(ids: tuple[str, ...], act: Callable[[str], None]) -> None:
    """Look at every job, whatever became of the one before; ends with the highest exit code."""
    code = 0
    for job_id in job_ids(ids):
        try:
            act(job_id)
        except BrokenPipeError:
            raise
        except (FsJobError, OSError) as error:
            complain(sentence(error))
            code = max(code, exit_code(error))
    raise click.exceptions.Exit(code)


def _detail(store: JobStore, job_id: str, value: bool = False) -> JobDetail:
    detail = store.views.detail(job_id, value=value)
    if not detail.found:
        raise JobNotFound(f"job {job_id} in {store.directory}: {store.views.why_of(detail)}")
    return detail


@click.command("show")
@many_ids
@with_store
def show_command(directory: str, as_json: bool, ids: tuple[str, ...]) -> None:
    """Show all that can be told of job ID. `-` reads ids from standard input.

    \b
    Example:
      fsjob show 1k10fpnzygbavvy724km
    """
    store = reading(directory)

    def show(job_id: str) -> None:
        detail = _detail(store, job_id, value=not as_json)
        why = store.views.why_of(detail)
        if as_json:
            print_json(_as_dict(detail, why))
        else:
            for line in _lines(store, detail, why):
                say(line)

    _each(ids, show)


def _as_dict(detail: JobDetail, why: str) -> dict[str, object]:
    record = detail.record
    return {
        "id": detail.id,
        "state": detail.state,
        "version": record.version if record else None,
        "request": record.request if record else None,
        "waiting": record.waiting if record else None,
        "tries": [_tries_as_dict(entry) for entry in read_ledger(record)] if record else None,
        "extra": record.extra if record else None,
        "made": detail.made,
        "changed": detail.changed,
        "value_size": detail.value_size,
        "problem": detail.problem,
        "why": why,
        "locks": [{"kind": lock.kind, "verdict": lock.verdict, "proof": lock.proof} for lock in detail.locks],
    }


def _lines(store: JobStore, detail: JobDetail, why: str) -> Iterator[str]:
    record, now = detail.record, store.host.time()
    yield f"job      {safe_text(detail.id)}"
    yield f"state    {detail.state}: {safe_text(why)}"
    if detail.made is not None:
        yield f"made     {_when(detail.made)} ({short_age(now - detail.made)} ago)"
    if record is not None:
        yield f"version  {record.version}"
        if record.ours:
            yield f"tries    {int(record.number('attempts'))}  {safe_text(record.text('last_error'))}".rstrip()
        entries = read_ledger(record)
        for target in record.waiting:
            told = _tried(entry_of(entries, target), now)
            yield safe_text(f"target   {json.dumps(target, ensure_ascii=False)}{told}")
        yield "request  " + safe_text(json.dumps(record.request, indent=2, ensure_ascii=False), lines=True)
    if detail.value_size is not None:
        more = "" if detail.value_size <= SHOWN else f", its first {SHOWN:,} bytes:"
        yield f"value    {short_size(detail.value_size)}{more}"
        yield safe_bytes(detail.value_start[:SHOWN], lines=True)
    for lock in detail.locks:
        yield f"lock     {lock.kind}: {lock.verdict}, {safe_text(f'{lock.whose}; {lock.proof}')}"


def _tries_as_dict(entry: Tries) -> dict[str, object]:
    return {name: getattr(entry, name) for name in ("target", "count", "error", "at", "due")}


def _tried(entry: Tries | None, now: float) -> str:
    """What became of telling a target so far."""
    if entry is None:
        return ""
    times = "once" if entry.count == 1 else f"{entry.count} times"
    ahead = "given up" if entry.due is None else f"again in {short_age(entry.due - now)}"
    return f"  tried {times}, {short_age(now - entry.at)} ago; {ahead}: {entry.error}"


def _when(at: float) -> str:
    return utc(at, f"%Y-%m-%d {SECONDS}")


@click.command("why")
@many_ids
@with_store
def why_command(directory: str, as_json: bool, ids: tuple[str, ...]) -> None:
    """Say in one sentence why job ID is not done. `-` reads ids from standard input.

    \b
    Example:
      fsjob why 1k10fpnzygbavvy724km
    """
    store = reading(directory)

    def why(job_id: str) -> None:
        sentence = store.views.why_of(_detail(store, job_id))
        if as_json:
            print_json({"id": job_id, "why": sentence})
        else:
            say(safe_text(sentence))

    _each(ids, why)


@click.command("value")
@many_ids
@with_store
def value_command(directory: str, as_json: bool, ids: tuple[str, ...]) -> None:
    """Write the value of job ID to standard output, byte for byte. `-` reads ids from standard input.

    With --json it stands in "value", or in "base64" where it is no UTF-8 text.

    \b
    Example:
      fsjob value 1k10fpnzygbavvy724km > picture.png
    """
    store = reading(directory)

    def value(job_id: str) -> None:
        with store.open_value(job_id) as source:
            if as_json:
                data = source.read()
                print_json({"id": job_id, "size": len(data), **_in_json(data)})
            else:
                while data := source.read(CHUNK):
                    with printing():
                        sys.stdout.buffer.write(data)
                        sys.stdout.buffer.flush()

    _each(ids, value)


def _in_json(data: bytes) -> dict[str, str]:
    try:
        return {"value": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}
