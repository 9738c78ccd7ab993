"""Commands that change jobs: create, edit, fulfill, queue, unqueue, requeue, park."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterable

import click

from fsjob_core import errors
from fsjob_core.canary import RATE
from fsjob_core.journal import Outcome
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord, Json, dump
from fsjob_core.store import JobStore

from ..text import safe_text
from .arguments import job_ids, json_argument, json_lines, many_ids, one_id, open_argument, parse_json, read_lines
from .common import Tally, acting, print_json, progress, say, with_store, writing
from .exits import OutputFailed, complain


@click.command("create")
@click.argument("request", required=False)
@click.option("--ndjson", is_flag=True, help="Make a job of each line of REQUEST (@FILE or -).")
@click.option("--like", metavar="ID", default="", help="With the request of job ID, which is kept as its ancestor.")
@writing
@with_store
def create_command(
    directory: str, as_json: bool, request: str | None, ndjson: bool, like: str, write: bool
) -> None:
    """Make a job of a REQUEST: JSON, @FILE or - for standard input. Prints its id.

    A directory that does not exist, or is empty, becomes a store.

    \b
    Examples:
      fsjob create '{"type": "resize", "w": 640}'
      fsjob create --ndjson @requests.ndjson > ids
    """
    if request is None and like and not ndjson:
        operator = acting(directory, write)
        _print(operator.create(operator.store.get(like).request, like=like), as_json)
        return
    if request is None:
        raise click.UsageError("what is the request? Give JSON, @FILE, or - to read standard input")
    if ndjson and like:
        raise click.UsageError("--like is of one job, --ndjson of many: give one of them")
    if ndjson:
        _create_many(directory, request, as_json, write)
        return
    value = json_argument(request, "the request")
    dump(value)  # what cannot be kept makes no store
    operator = _creator(directory, write)
    _print(operator.create(value, like=operator.store.get(like).id if like else ""), as_json)


def _print(job: JobRecord, as_json: bool) -> None:
    try:
        if as_json:
            print_json({"id": job.id, "version": job.version})
        else:
            say(job.id)
    except OutputFailed as failed:
        raise OutputFailed(f"job {job.id} was made, but its id could not be printed") from failed.__cause__


def _creator(directory: str, write: bool) -> Operator:
    """Somebody who creates in a store that exists, or in a new one where nothing stands in its place."""
    try:
        return acting(directory, write)
    except errors.NotAStore:
        if os.path.lexists(directory) and not (os.path.isdir(directory) and not os.listdir(directory)):
            raise
        operator = Operator(JobStore(directory), write=write)
        if sys.stderr.isatty():  # perhaps a slip in its name
            complain(safe_text(f"a new store was made: {os.path.abspath(directory)}"))
        return operator


def _create_many(directory: str, source: str, as_json: bool, write: bool) -> None:
    with open_argument(source, "requests") as lines:
        if isinstance(lines, bytes):
            raise click.UsageError("--ndjson reads its lines from @FILE or -")
        requests = json_lines(read_lines(lines))
        first = next(requests, None)  # a bad first line makes no store
        if first is None:
            raise errors.InvalidRequest(f"{source.removeprefix('@')} holds no line; give one JSON value a line")
        operator = _creator(directory, write)
        with progress(itertools.chain([first], requests), "jobs") as counted:
            _create_all(operator, counted, as_json)


def _create_all(operator: Operator, requests: Iterable[Json], as_json: bool) -> None:
    count = 0
    try:
        for job in operator.create_many(requests):
            count += 1
            _print(job, as_json)
    except OutputFailed as failed:
        more = "nor those of others made together with it; `fsjob undo` takes all of them back"
        raise OutputFailed(f"{failed}, {more}") from failed.__cause__
    except errors.InvalidRequest as error:
        made = "the job before it was made" if count == 1 else f"the {count:,} jobs before it were made"
        raise errors.InvalidRequest(f"{error}; {made}") from None
    except KeyboardInterrupt:
        complain(f"at least {count:,} {'job was' if count == 1 else 'jobs were'} made")
        raise


@click.command("edit")
@one_id
@click.argument("request", required=False)
@click.option("--version", type=int, help="Only if the job is still at this version; else whatever it is at.")
@writing
@with_store
def edit_command(
    directory: str, as_json: bool, job_id: str, request: str | None, version: int | None, write: bool
) -> None:
    """Replace the REQUEST of pending job ID: JSON, @FILE or -; without it $EDITOR opens on a terminal.

    \b
    Examples:
      fsjob edit 1k10fpnzygbavvy724km
      fsjob edit 1k10fpnzygbavvy724km '{"type": "resize", "w": 320}'
    """
    operator, tally = acting(directory, write), Tally(as_json)
    given = json_argument(request, "the request") if request is not None else None

    def edit(job_id: str) -> Outcome:
        record = operator.store.get(job_id)
        new = given if request is not None else _edited(record.request)
        return operator.edit(job_id, record.version if version is None else version, new)

    with operator.together():
        tally.each(job_ids((job_id,)), edit)
    tally.end()


def _edited(request: Json) -> Json:
    """What a person makes of a request in an editor."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("what is the new request? Give JSON, @FILE, or - to read standard input")
    text = click.edit(json.dumps(request, indent=2, ensure_ascii=True) + "\n", extension=".json", require_save=True)
    if text is None:
        raise click.UsageError("the editor saved nothing; the request stays as it is")
    return parse_json(text.encode("utf-8", "replace"), "the request")


@click.command("fulfill")
@one_id
@click.argument("value")
@writing
@with_store
def fulfill_command(directory: str, as_json: bool, job_id: str, value: str, write: bool) -> None:
    """Give job ID its VALUE by hand: text, @FILE or - for standard input. The first value stays.

    \b
    Examples:
      fsjob fulfill 1k10fpnzygbavvy724km done
      fsjob fulfill 1k10fpnzygbavvy724km @picture.png
    """
    operator, tally = acting(directory, write), Tally(as_json)

    def fulfill(job_id: str) -> Outcome:
        with open_argument(value, "the value") as content:
            return operator.fulfill(job_id, content)

    tally.each(job_ids((job_id,)), fulfill)
    tally.end()


@click.command("queue")
@one_id
@click.argument("target", required=False)
@click.option("--again", is_flag=True, help="Have a target that waits, or all that were given up, tried anew.")
@writing
@with_store
def queue_command(directory: str, as_json: bool, job_id: str, target: str | None, again: bool, write: bool) -> None:
    """Have a TARGET (any JSON value) told of the value of job ID. `-` reads ids from standard input.

    \b
    Example:
      fsjob queue 1k10fpnzygbavvy724km '{"mail": "ops@example.org"}'
      fsjob queue --again 1k10fpnzygbavvy724km
    """
    if target is None and not again:
        raise click.UsageError("who is to be told? Give a TARGET: any JSON value")
    operator, tally = acting(directory, write), Tally(as_json)
    if again:
        wanted = None if target is None else [json_argument(target, "the target")]
        tally.each(job_ids((job_id,)), lambda job_id: operator.tell_again(job_id, wanted))
    else:
        one = json_argument(target or "", "the target")
        tally.each(job_ids((job_id,)), lambda job_id: operator.queue(job_id, one))
    tally.end()


@click.command("unqueue")
@one_id
@click.argument("target")
@writing
@with_store
def unqueue_command(directory: str, as_json: bool, job_id: str, target: str, write: bool) -> None:
    """Take a TARGET off the waiting list of job ID. `-` reads ids from standard input.

    \b
    Example:
      fsjob unqueue 1k10fpnzygbavvy724km '{"mail": "ops@example.org"}'
    """
    operator, tally, wanted = acting(directory, write), Tally(as_json), json_argument(target, "the target")
    with operator.together():
        tally.each(job_ids((job_id,)), lambda job_id: operator.unqueue(job_id, wanted))
    tally.end()


@click.command("requeue")
@many_ids
@click.option("--canary", is_flag=True, help="Parked ones with care: 1, then 10, then the rest; ends at an old error.")
@click.option("--rate", type=click.FloatRange(0.01), show_default=f"{RATE:g}", metavar="N",
              help="With --canary: the rest at N a second.")
@click.option("--events-fd", type=click.IntRange(0), hidden=True)
@click.option("--orders-fd", type=click.IntRange(0), hidden=True)
@click.option("--if-parked", is_flag=True, help="Only jobs that are parked still.")
@writing
@with_store
def requeue_command(
    directory: str,
    as_json: bool,
    ids: tuple[str, ...],
    canary: bool,
    if_parked: bool,
    rate: float | None,
    events_fd: int | None,
    orders_fd: int | None,
    write: bool,
) -> None:
    """Run parked or fulfilled jobs again, one version up. `-` reads ids from standard input.

    One that is pending begins anew: its tries are forgotten, it waits for no next one. --if-parked leaves it alone.

    With --canary one job first, and its outcome is waited for; then ten; then the rest. It stops by itself, with
    exit code 1, when an error comes back that a job was parked for: those left stay parked.

    \b
    Examples:
      fsjob requeue 1k10fpnzygbavvy724km
      fsjob ls parked --json | jq -r .id | fsjob requeue --if-parked -
      fsjob ls parked --json | jq -r .id | fsjob requeue --canary --rate 5 -
    """
    if rate is not None and not canary:
        raise click.UsageError("--rate goes with --canary")
    operator, tally = acting(directory, write), Tally(as_json)
    if canary:
        from .canary import run_canary

        if events_fd is not None:
            operator.via = "console"
        run_canary(operator, job_ids(ids), rate or RATE, as_json, events_fd, orders_fd)
    with operator.together():
        tally.each(job_ids(ids), lambda job_id: operator.requeue(job_id, only_parked=if_parked))
    tally.end()


@click.command("park")
@many_ids
@click.option("--reason", default="", help="Why; it is shown with the job.")
@writing
@with_store
def park_command(directory: str, as_json: bool, ids: tuple[str, ...], reason: str, write: bool) -> None:
    """Give pending jobs up until they are run again. `-` reads ids from standard input.

    \b
    Example:
      fsjob park 1k10fpnzygbavvy724km --reason 'waits for the new font'
    """
    operator, tally = acting(directory, write), Tally(as_json)
    with operator.together():
        tally.each(job_ids(ids), lambda job_id: operator.park(job_id, reason))
    tally.end()
