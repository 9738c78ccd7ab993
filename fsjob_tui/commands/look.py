"""Commands that only read: ls, show, why, value, stats. They never make a store and take no lock."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime

import click

from fsjob_core.errors import JobNotFound
from fsjob_core.facts import VIEWS, JobDetail
from fsjob_core.store import JobStore

from ..text import safe_bytes, safe_text, short_age, short_size
from .common import print_json, reading, say, with_store

CHUNK = 1 << 20


@click.command("ls")
@click.argument("view", type=click.Choice(VIEWS), default="pending")
@click.option("-n", "--limit", type=click.IntRange(1), help="At most so many, the oldest.")
@with_store
def ls_command(directory: str, as_json: bool, view: str, limit: int | None) -> None:
    """List the jobs of a VIEW, oldest first: pending, locked, waiting, fulfilled or parked."""
    store = reading(directory)
    now = store.host.time()
    if view == "locked":
        from .locks import print_locks

        print_locks(store, as_json)
        return
    entries = sorted(store.views.entries(view), key=lambda entry: (entry.since, entry.id))
    for entry in entries[:limit]:
        if as_json:
            print_json({"id": entry.id, "since": entry.since})
        else:
            say(f"{safe_text(entry.id)}  {short_age(now - entry.since):>7}")
    if not entries and sys.stdout.isatty():
        say(f"nothing is {view} in {safe_text(store.directory)}")


@click.command("show")
@click.argument("job_id", metavar="ID")
@with_store
def show_command(directory: str, as_json: bool, job_id: str) -> None:
    """Show all that can be told of job ID."""
    store = reading(directory)
    detail = _detail(store, job_id, value=not as_json)
    why = store.why(job_id)
    if as_json:
        print_json(_as_dict(detail, why))
        return
    for line in _lines(store, detail, why):
        say(line)


def _detail(store: JobStore, job_id: str, value: bool = False) -> JobDetail:
    detail = store.views.detail(job_id, value=value)
    if not detail.found:
        raise JobNotFound(f"there is no job {job_id} in {store.directory}")
    return detail


def _as_dict(detail: JobDetail, why: str) -> dict[str, object]:
    record = detail.record
    return {
        "id": detail.id,
        "state": detail.state,
        "version": record.version if record else None,
        "request": record.request if record else None,
        "waiting": record.waiting if record else None,
        "extra": record.extra if record else None,
        "made": detail.made,
        "changed": detail.changed,
        "value_size": detail.value_size,
        "problem": detail.problem,
        "why": why,
        "locks": [{"kind": lock.kind, "verdict": lock.verdict, "proof": lock.proof} for lock in detail.locks],
    }


def _lines(store: JobStore, detail: JobDetail, why: str) -> list[str]:
    record, now = detail.record, store.host.time()
    lines = [f"job      {safe_text(detail.id)}", f"state    {detail.state}: {safe_text(why)}"]
    if detail.made is not None:
        lines.append(f"made     {_when(detail.made)} ({short_age(now - detail.made)} ago)")
    if record is not None:
        lines.append(f"version  {record.version}")
        if record.ours:
            lines.append(f"tries    {int(record.number('attempts'))}  {safe_text(record.text('last_error'))}".rstrip())
        lines += [f"target   {safe_text(json.dumps(target, ensure_ascii=False))}" for target in record.waiting]
        lines.append("request  " + safe_text(json.dumps(record.request, indent=2, ensure_ascii=False), lines=True))
    if detail.value_size is not None:
        more = "" if detail.value_size <= len(detail.value_start) else " (its beginning)"
        lines.append(f"value    {short_size(detail.value_size)}{more}")
        lines.append(safe_bytes(detail.value_start[:2000], lines=True))
    for lock in detail.locks:
        lines.append(f"lock     {lock.kind}: {lock.verdict}, {safe_text(f'{lock.whose}; {lock.proof}')}")
    return lines


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@click.command("why")
@click.argument("job_id", metavar="ID")
@with_store
def why_command(directory: str, as_json: bool, job_id: str) -> None:
    """Say in one sentence why job ID is not done."""
    store = reading(directory)
    _detail(store, job_id)
    why = store.why(job_id)
    print_json({"id": job_id, "why": why}) if as_json else say(safe_text(why))


@click.command("value")
@click.argument("job_id", metavar="ID")
@with_store
def value_command(directory: str, as_json: bool, job_id: str) -> None:
    """Write the value of job ID to standard output, byte for byte."""
    with reading(directory).open_value(job_id) as value:
        if as_json:
            print_json({"id": job_id, "value": value.read().decode("utf-8", "surrogateescape")})
            return
        while chunk := value.read(CHUNK):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


@click.command("stats")
@with_store
def stats_command(directory: str, as_json: bool) -> None:
    """Count the jobs of each view, the locks by verdict, and the workers."""
    store = reading(directory)
    counts = store.counts().as_dict()
    locks = Counter(lock.verdict.value for lock in store.locks())
    workers = Counter(worker.state for worker in store.workers())
    paused = store.views.paused()
    if as_json:
        print_json({**counts, "locks": dict(locks), "workers": dict(workers), "paused": paused is not None})
        return
    for name, count in counts.items():
        say(f"{name:<10}{count:>10,}  {_by_word(locks) if name == 'locked' else ''}".rstrip())
    say(f"{'workers':<10}{sum(workers.values()):>10,}  {_by_word(workers)}".rstrip())
    if paused is not None:
        say(f"paused: {safe_text(paused)}".rstrip(": "))


def _by_word(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counter.items())
