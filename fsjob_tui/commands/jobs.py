"""Commands that change jobs: create, fulfill, queue, unqueue, requeue, park."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

import click

from fsjob_core import errors
from fsjob_core.operator import Operator
from fsjob_core.record import MAX_STATE, Json
from fsjob_core.store import JobStore

from .common import (
    Tally,
    acting,
    job_ids,
    json_argument,
    open_argument,
    parse_json,
    print_json,
    say,
    with_store,
    writing,
)


@click.command("create")
@click.argument("request", required=False)
@click.option("--ndjson", is_flag=True, help="Make a job of each line of REQUEST (@FILE or -).")
@writing
@with_store
def create_command(directory: str, as_json: bool, request: str | None, ndjson: bool, write: bool) -> None:
    """Make a job of a REQUEST: JSON, @FILE or - for standard input. Prints its id.

    A directory that does not exist, or is empty, becomes a store.
    """
    if request is None:
        raise click.UsageError("what is the request? Give JSON, @FILE, or - to read standard input")
    if ndjson:
        _create_many(directory, request, as_json, write)
        return
    value = json_argument(request, "the request")
    job = _creator(directory, write).create(value)
    print_json({"id": job.id, "version": job.version}) if as_json else say(job.id)


def _creator(directory: str, write: bool) -> Operator:
    try:
        return acting(directory, write)
    except errors.NotAStore:
        if os.path.lexists(directory) and not (os.path.isdir(directory) and not os.listdir(directory)):
            raise
        return Operator(JobStore(directory), write=write)


def _create_many(directory: str, source: str, as_json: bool, write: bool) -> None:
    lines = open_argument(source)
    if isinstance(lines, bytes):
        raise click.UsageError("--ndjson reads lines from @FILE or -")
    operator = _creator(directory, write)
    count = 0
    try:
        for job in operator.create_many(_requests(_progress(lines))):
            count += 1
            print_json({"id": job.id, "version": job.version}) if as_json else say(job.id)
    except errors.InvalidRequest as error:
        raise errors.InvalidRequest(f"{error}; the {count:,} jobs before it were made") from None


def _progress(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Count on the terminal while ids go to a file or a pipe."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return lines
    bar = click.progressbar(lines, label="jobs", file=sys.stderr, show_pos=True)
    return _within(bar)


def _within(bar: click._termui_impl.ProgressBar[bytes]) -> Iterator[bytes]:
    with bar:
        yield from bar


def _requests(lines: Iterable[bytes]) -> Iterator[Json]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_STATE:
            raise errors.InvalidRequest(f"line {number} has over {MAX_STATE:,} bytes, which is the most that fits")
        if line.strip():
            yield parse_json(line, f"line {number}")


@click.command("fulfill")
@click.argument("job_id", metavar="ID")
@click.argument("value")
@writing
@with_store
def fulfill_command(directory: str, as_json: bool, job_id: str, value: str, write: bool) -> None:
    """Give job ID its VALUE by hand: text, @FILE or - for standard input. The first value stays."""
    tally = Tally(as_json)
    tally.add(job_id, lambda: acting(directory, write).fulfill(job_id, open_argument(value)))
    tally.end()


@click.command("queue")
@click.argument("job_id", metavar="ID")
@click.argument("target")
@writing
@with_store
def queue_command(directory: str, as_json: bool, job_id: str, target: str, write: bool) -> None:
    """Have a TARGET (any JSON value) told of the value of job ID."""
    wanted = json_argument(target, "the target")
    tally = Tally(as_json)
    tally.add(job_id, lambda: acting(directory, write).queue(job_id, wanted))
    tally.end()


@click.command("unqueue")
@click.argument("job_id", metavar="ID")
@click.argument("target")
@writing
@with_store
def unqueue_command(directory: str, as_json: bool, job_id: str, target: str, write: bool) -> None:
    """Take a TARGET off the waiting list of job ID."""
    wanted = json_argument(target, "the target")
    tally = Tally(as_json)
    tally.add(job_id, lambda: acting(directory, write).unqueue(job_id, wanted))
    tally.end()


@click.command("requeue")
@click.argument("ids", metavar="ID...", nargs=-1)
@writing
@with_store
def requeue_command(directory: str, as_json: bool, ids: tuple[str, ...], write: bool) -> None:
    """Run parked or fulfilled jobs again, one version up. `-` reads ids from standard input."""
    operator, tally = acting(directory, write), Tally(as_json)
    for job_id in job_ids(ids):
        tally.add(job_id, lambda wanted=job_id: operator.requeue(wanted))  # type: ignore[misc]
    tally.end()


@click.command("park")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--reason", default="", help="Why; it is shown with the job.")
@writing
@with_store
def park_command(directory: str, as_json: bool, ids: tuple[str, ...], reason: str, write: bool) -> None:
    """Give pending jobs up until they are run again. `-` reads ids from standard input."""
    operator, tally = acting(directory, write), Tally(as_json)
    for job_id in job_ids(ids):
        tally.add(job_id, lambda wanted=job_id: operator.park(wanted, reason))  # type: ignore[misc]
    tally.end()
