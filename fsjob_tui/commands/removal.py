"""Commands that take away and bring back: delete, purge, undo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from fsjob_core.journal import Group, Outcome
from fsjob_core.operator import Operator
from fsjob_core.store import JobStore

from ..text import safe_text, short_age
from .arguments import age, job_ids, many_ids
from .common import Tally, acting, confirm, confirmed, print_json, reading, say, somebody_listens, with_store, writing

SHOWN = 10
"""Jobs that are named before they are hit; the others are counted."""


def _named(ids: list[str], what: str) -> Iterator[str]:
    for job_id in ids[:SHOWN]:
        yield f"  {job_id}"
    if len(ids) > SHOWN:
        yield f"  and {len(ids) - SHOWN:,} more"
    yield f"{len(ids):,} {what}{'' if len(ids) == 1 else 's'}"


@click.command("delete")
@many_ids
@confirmed
@writing
@with_store
def delete_command(directory: str, as_json: bool, ids: tuple[str, ...], yes: bool, write: bool) -> None:
    """Move jobs into the trash, from where `undo` brings them back. `-` reads ids from standard input.

    \b
    Examples:
      fsjob delete 1k10fpnzygbavvy724km
      fsjob ls parked --json | jq -r .id | fsjob delete -
    """
    operator, tally = acting(directory, write), Tally(as_json)
    wanted = list(job_ids(ids))
    confirm(_named([_described(operator.store, job_id) for job_id in wanted], "job"), "Delete?", yes)
    with operator.together():
        tally.each(wanted, operator.delete)
    tally.end()


def _described(store: JobStore, job_id: str) -> str:
    try:
        return f"{job_id}  {store.views.detail(job_id).state}"
    except ValueError:  # no legal id: the act itself says so
        return job_id


@click.command("purge")
@click.option("--older-than", type=age, required=True, metavar="AGE", help="Such as 30d, 12h, 90m.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@confirmed
@writing
@with_store
def purge_command(directory: str, as_json: bool, older_than: float, dry_run: bool, yes: bool, write: bool) -> None:
    """Remove for good what was fulfilled, or lies in the trash, for longer than an AGE. There is no way back.

    A job that somebody waits for stays.

    \b
    Examples:
      fsjob purge --older-than 30d --dry-run
      fsjob purge --older-than 30d --yes
    """
    if dry_run:
        _print_due(Operator(reading(directory)), older_than, as_json)
        return
    if not yes and not somebody_listens():
        raise click.UsageError("nobody can be asked here, and there is no way back: give --yes, or --dry-run to look")
    operator, tally = acting(directory, write), Tally(as_json)
    due = operator.due(older_than)
    lines = [*_named(list(due.jobs), "fulfilled job"), *_named(list(due.trash), "deleted job")]
    confirm(lines, "Remove them for good?", yes)
    tally.one("", lambda: operator.purge(older_than, due))
    tally.end()


def _print_due(operator: Operator, older_than: float, as_json: bool) -> None:
    due = operator.due(older_than)
    for what, names in (("job", due.jobs), ("trash", due.trash)):
        for name in names:
            print_json({what: name}) if as_json else say(f"{what:<6} {safe_text(name)}")


@click.command("undo")
@click.argument("group", required=False)
@click.option("--list", "listing", is_flag=True, help="What can be undone, everybody's, the latest first.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@confirmed
@writing
@with_store
def undo_command(
    directory: str, as_json: bool, group: str | None, listing: bool, limit: int, yes: bool, write: bool
) -> None:
    """Undo your last command that can be undone, or the GROUP that `--list` names.

    Created, edited, parked, deleted jobs, those run again, and targets taken off. Each job is put back where nothing
    has changed since; else its line says what has.

    \b
    Examples:
      fsjob undo
      fsjob undo --list
    """
    if listing:
        if group is not None:
            raise click.UsageError("--list names all that can be undone: give it or a GROUP")
        _print_groups(Operator(reading(directory)), limit, as_json)
        return
    operator, tally = acting(directory, write), Tally(as_json)
    found = operator.last() if group is None else operator.journal.group(group)
    if found is None:
        what = "there is nothing to undo here" if group is None else f"no act named {group} can be undone"
        tally.tell(Outcome(False, f"{what}; `fsjob undo --list` shows everybody's acts"))
    else:
        confirm([_line(found, operator.store.host.time())], "Undo it?", yes)
        operator.undo(found, tally.tell)
    tally.end()


def _print_groups(operator: Operator, limit: int, as_json: bool) -> None:
    now = operator.store.host.time()
    for group in operator.undoable(limit):
        print_json(_as_dict(group)) if as_json else say(safe_text(_line(group, now)))


def _line(group: Group, now: float) -> str:
    first = group.first
    ids = ", ".join(group.ids) + (f" and {group.count - len(group.ids):,} more" if group.count > len(group.ids) else "")
    ago = short_age(now - first.at)
    return f"{group.name}  {ago:>6} ago  {first.who}@{first.host} {first.via}  {first.jobs[0].act:<7}  {ids}"


def _as_dict(group: Group) -> dict[str, object]:
    first = group.first
    return {
        "group": group.name,
        "at": datetime.fromtimestamp(first.at, UTC).isoformat(timespec="milliseconds"),
        "who": first.who,
        "host": first.host,
        "via": first.via,
        "act": first.jobs[0].act,
        "jobs": group.count,
        "first": group.ids,
    }
