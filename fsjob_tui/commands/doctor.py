"""The doctor on the command line: what is wrong with a store, and the repair of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NoReturn

import click

from fsjob_core import errors
from fsjob_core.doctor import FORCIBLE, Kind, Problem
from fsjob_core.doctor.filesystem import Verdict, try_out, worst
from fsjob_core.journal import Outcome
from fsjob_core.layout import check_id
from fsjob_core.store import JobStore

from ..text import safe_text, short_age
from .common import acting, print_json, reading, say, with_store, writing
from .exits import FAILED, sentence


def _one_of(kinds: Iterable[Kind]) -> click.Choice[str]:
    """A kind by the name that the doctor prints."""
    return click.Choice([kind.value for kind in kinds])


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Mend what is found.")
@click.option(
    "--force",
    "forced",
    metavar="KIND",
    type=_one_of(FORCIBLE),
    multiple=True,
    help="Mend this kind as well, which is otherwise left for an operator.",
)
@click.option("--kind", "kinds", metavar="KIND", type=_one_of(Kind), multiple=True, help="Only this kind.")
@click.option("--job", "jobs", metavar="ID", multiple=True, help="Only what is wrong with this job.")
@click.option("--filesystem", is_flag=True, help="Try out whether the file system keeps what the store rests on.")
@writing
@with_store
def doctor_command(
    directory: str,
    as_json: bool,
    repair: bool,
    forced: tuple[str, ...],
    kinds: tuple[str, ...],
    jobs: tuple[str, ...],
    filesystem: bool,
    write: bool,
) -> None:
    """Name every state that a crash, a foreign tool or a defect left, and what repair would do.

    Changes nothing without --repair. Exits 1 when something was found, or is left after the repair.

    \b
    Examples:
      fsjob doctor
      fsjob doctor --repair
      fsjob doctor --repair --kind link-elsewhere
      fsjob doctor --filesystem
    """

    asked = {check_id(job_id) for job_id in jobs}

    def wanted(store: JobStore) -> Iterator[Problem]:
        for problem in store.doctor():
            if (not kinds or problem.kind in kinds) and (not jobs or problem.id in jobs):
                asked.discard(problem.id)
                yield problem

    def require_jobs(store: JobStore) -> None:
        """Of a job of which nothing is there nothing can be wrong; that is not to look like a job that is well."""
        for job_id in asked:
            store.ground.require_job(job_id)

    if filesystem:
        if repair or forced or kinds or jobs:
            raise click.UsageError("--filesystem goes alone")
        _try_out(directory, as_json)
    if not repair:
        if forced:
            raise click.UsageError("--force goes with --repair")
        store = reading(directory)
        found = sum(_print(store, problem, as_json, None) for problem in wanted(store))
        require_jobs(store)
        _end(found)
    operator = acting(directory, write)
    if operator.writable is not None:
        raise errors.ReadOnly(f"{operator.writable}; nothing was changed")
    store = operator.store
    for problem in wanted(store):
        force = problem.kind in forced
        act = partial(operator.repair, problem, force=force) if force or problem.automatic else None
        _print(store, problem, as_json, _outcome(act) if act else None)
    require_jobs(store)
    left = sum(1 for _ in wanted(store))
    if left and not as_json:
        say(f"{left:,} {'problem is' if left == 1 else 'problems are'} left")
    _end(left)


def _try_out(directory: str, as_json: bool) -> NoReturn:
    """Say what is kept and what is not, and one verdict over all: exits 1 unless all is."""
    findings = []
    for finding in try_out(acting(directory).store.ground):
        findings.append(finding)
        if as_json:
            print_json({"name": finding.name, "verdict": finding.verdict, "what": finding.what})
        else:
            say(f"{finding.verdict:<8}{finding.name:<11}{safe_text(finding.what)}")
    verdict = worst(findings)
    if as_json:
        print_json({"name": "all", "verdict": verdict, "what": _VERDICTS[verdict]})
    else:
        say(f"{verdict:<8}{_VERDICTS[verdict]}")
    raise click.exceptions.Exit(0 if verdict is Verdict.ACCEPT else FAILED)


_VERDICTS = {
    Verdict.ACCEPT: "the store may be used here",
    Verdict.WARN: "the store may be used here, with what is said above",
    Verdict.REFUSE: "do not use the store here from more than one machine",
}


def _end(found: int) -> None:
    raise click.exceptions.Exit(FAILED if found else 0)


def _outcome(act: Callable[[], Outcome]) -> Outcome:
    """The outcome of one repair; what went wrong with it must not end the others."""
    try:
        return act()
    except BrokenPipeError:
        raise
    except (errors.FsJobError, OSError) as error:
        return Outcome(False, sentence(error))


def _print(store: JobStore, problem: Problem, as_json: bool, outcome: Outcome | None) -> int:
    """Print one problem; gives 1, to be counted."""
    if as_json:
        told = {
            "kind": problem.kind.value,
            "id": problem.id,
            "path": problem.path,
            "since": problem.since,
            "explanation": problem.explanation,
            "remedy": problem.remedy,
            "automatic": problem.automatic,
        }
        print_json(told if outcome is None else {**told, "done": outcome.done, "what": outcome.what})
        return 1
    age = f"  {short_age(store.host.time() - problem.since)}" if problem.since is not None else ""
    say(f"{problem.kind.value}  {safe_text(problem.id or problem.path)}{age}")
    say(f"    {safe_text(problem.explanation)}")
    if outcome is None:
        say(f"    {'repair would' if problem.automatic else 'by hand'}: {safe_text(problem.remedy)}")
    else:
        say(f"    {'done' if outcome.done else 'not done'}: {safe_text(outcome.what)}")
    return 1
