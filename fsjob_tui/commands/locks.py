"""Commands on locks: locks, unlock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice

import click

from fsjob_core import errors
from fsjob_core.facts import LockInfo
from fsjob_core.journal import Outcome
from fsjob_core.layout import check_id
from fsjob_core.store import JobStore

from ..text import safe_text, short_age
from .arguments import job_ids, many_ids
from .common import Tally, acting, print_json, reading, say, with_store, writing

KINDS = {"work": "work", "note": "notification", "notification": "notification", "state": "state"}


def print_locks(
    store: JobStore, as_json: bool, limit: int | None = None, wanted: Callable[[LockInfo], bool] = lambda lock: True
) -> None:
    """The locks of a store that are wanted, by job."""
    now = store.host.time()
    for lock in islice(filter(wanted, sorted(store.locks(), key=lambda lock: (lock.id, lock.kind))), limit):
        if as_json:
            print_json(_as_dict(lock))
        else:
            beat = f"beat {short_age(now - lock.last_beat)} ago"
            say(f"{lock.verdict.value:<7} {safe_text(lock.id)}  {lock.kind:<12}  {safe_text(lock.whose)}  {beat}")


def _as_dict(lock: LockInfo) -> dict[str, object]:
    owner = lock.owner
    return {
        "id": lock.id,
        "kind": lock.kind,
        "verdict": lock.verdict,
        "proof": lock.proof,
        "worker": owner.worker if owner else None,
        "host": owner.host if owner else None,
        "pid": owner.pid if owner else None,
        "since": lock.since,
        "last_beat": lock.last_beat,
        "token": lock.token,
    }


@click.command("locks")
@with_store
def locks_command(directory: str, as_json: bool) -> None:
    """List the locks with their verdict and owner.

    \b
    Example:
      fsjob locks --json | jq 'select(.verdict == "dead")'
    """
    print_locks(reading(directory), as_json)


@click.command("unlock")
@many_ids
@click.option("--kind", type=click.Choice(list(KINDS)), default="work", help="Which of its locks.")
@click.option("--if-token", "token", metavar="T", help="Only if the lock's token still ends so.")
@click.option("--force", is_flag=True, help="Take a live lock away: it is barred for 7 s, its holder is told.")
@click.option("--park", is_flag=True, help="Park the job as well.")
@writing
@with_store
def unlock_command(
    directory: str,
    as_json: bool,
    ids: tuple[str, ...],
    kind: str,
    token: str | None,
    force: bool,
    park: bool,
    write: bool,
) -> None:
    """Release a lock of job ID whose holder is dead or stale. `-` reads ids from standard input.

    One that is not yet known to be stale is watched for ten seconds.

    \b
    Examples:
      fsjob unlock 1k10fpnzygbavvy724km
      fsjob unlock --force --park 1k10fpnzygbavvy724km
    """
    operator, tally = acting(directory, write), Tally(as_json)

    def unlock(job_id: str) -> Outcome:
        lock = _find(operator.store, KINDS[kind], check_id(job_id), token)
        if lock is None:
            return Outcome(True, f"job {job_id} has no {KINDS[kind]} lock", job_id)
        if force:
            return operator.take_away(lock, park=park, wait=Countdown("barred"))
        return operator.release(lock, park=park, wait=Countdown("watching"))

    with operator.together():
        tally.each(job_ids(ids), unlock)
    tally.end()


def _find(store: JobStore, kind: str, job_id: str, token: str | None) -> LockInfo | None:
    lock = store.views.lock(kind, job_id)
    if lock is None:
        if not store.views.detail(job_id).found:
            raise errors.JobNotFound(f"there is no job {job_id} in {store.directory}")
        return None
    if token and not lock.token.endswith(token):
        raise errors.JobLocked(f"the {kind} lock of job {job_id} is another's by now: {lock.whose}; left alone")
    return lock


class Countdown:
    """Says on a terminal how many seconds are left, in one line."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._last = -1

    def __call__(self, left: float) -> bool:
        seconds = int(left) + 1
        if sys.stderr.isatty() and seconds != self._last:
            self._last = seconds
            click.echo(f"\r{self._word} for {seconds:2d} s ", nl=seconds <= 1, err=True)
        return False
