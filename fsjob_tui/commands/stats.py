"""The command that counts: for people, as JSON, and as a page for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import click

from fsjob_core.facts import Counts, Verdict, WorkerInfo
from fsjob_core.record import made_at
from fsjob_core.store import JobStore

from ..text import safe_text
from .common import print_json, reading, say, with_store


@click.command("stats")
@click.option("--prometheus", is_flag=True, help="Print a page in Prometheus' text format.")
@with_store
def stats_command(directory: str, as_json: bool, prometheus: bool) -> None:
    """Count the jobs of each view, the locks by verdict, and the workers.

    \b
    Examples:
      fsjob stats
      fsjob stats --prometheus > /var/lib/node_exporter/fsjob.prom.new
    """
    if as_json and prometheus:
        raise click.UsageError("--json or --prometheus, not both")
    store = reading(directory)
    counts = store.views.counts(settled=True)
    locks = Counter(lock.verdict.value for lock in store.locks())
    workers = list(store.workers())
    paused = store.views.paused()
    if prometheus:
        say("".join(_page(store, counts, locks, workers, paused)), nl=False)
        return
    states = Counter(worker.state for worker in workers)
    if as_json:
        print_json({**counts.as_dict(), "locks": dict(locks), "workers": dict(states), "paused": paused})
        return
    for name, count in counts.as_dict().items():
        say(f"{name:<10}{count:>10,}  {_by_word(locks) if name == 'locked' else ''}".rstrip())
    say(f"{'workers':<10}{sum(states.values()):>10,}  {safe_text(_by_word(states))}".rstrip())
    if paused is not None:
        say(f"paused: {safe_text(paused)}".rstrip(": "))


def _by_word(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {safe_text(word)}" for word, count in counter.items())


# ── Prometheus ──


class _Sample(NamedTuple):
    labels: Mapping[str, str]
    value: float


def _page(
    store: JobStore, counts: Counts, locks: Counter[str], workers: list[WorkerInfo], paused: str | None
) -> Iterator[str]:
    views = [_Sample({"view": view}, count) for view, count in counts.as_dict().items()]
    yield _metric("fsjob_jobs", "gauge", "Jobs of each view; locked counts locks of every kind.", views)
    verdicts = [_Sample({"verdict": verdict.value}, locks[verdict.value]) for verdict in Verdict]
    yield _metric("fsjob_locks", "gauge", "Locks by verdict.", verdicts)
    here = Counter((worker.kind, worker.state) for worker in workers)
    signed_in = [_Sample({"kind": kind, "state": state}, count) for (kind, state), count in sorted(here.items())]
    yield _metric("fsjob_workers", "gauge", "Workers and notifiers that are signed in.", signed_in)
    did = [
        _Sample({"worker": worker.name, "kind": worker.kind, "outcome": outcome}, count)
        for worker in workers
        for outcome, count in (("done", worker.done), ("failed", worker.failed))
    ]
    yield _metric("fsjob_worker_outcomes_total", "counter", "What each did since it signed in.", did)
    yield _metric("fsjob_paused", "gauge", "1 while no worker takes work.", [_Sample({}, paused is not None)])
    oldest = _oldest(store)
    ages = [] if oldest is None else [_Sample({}, max(store.host.time() - oldest, 0.0))]
    yield _metric("fsjob_oldest_pending_seconds", "gauge", "Age of the oldest pending job.", ages)


def _metric(name: str, kind: str, about: str, samples: list[_Sample]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    for sample in samples:
        labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in sample.labels.items())
        lines.append(f"{name}{labels and f'{{{labels}}}'} {float(sample.value)!r}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return safe_text(value).replace("\\", "\\\\").replace('"', '\\"')


def _oldest(store: JobStore) -> float | None:
    """When the oldest pending job was made: ours say so by their ids, of foreign ones the link does."""
    views, layout = store.views, store.layout
    ids = views.ids(layout.pending) - views.ids(layout.parked)
    times = (made_at(job_id) or views.since(layout.pending, job_id) for job_id in ids)
    return min((at for at in times if at is not None), default=None)
