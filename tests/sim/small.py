"""Scenarios small enough to be played in every order, up to a bound of preemptions, with a fault at every call."""

from __future__ import annotations

from dataclasses import dataclass

from .scenarios import Figures, Plan, Run
from .sched import shown
from .strategies import Exhaustive


@dataclass(frozen=True, slots=True)
class Small:
    """Who acts; how many preemptions in every change's tests, and by hand; which faults befall whom."""

    plan: Plan
    bound: int
    large: int
    faults: tuple[str, ...] = ()
    victims: str = ""


def _plan(*actors: str, setup: tuple[str, ...] = ("pending",), patience: float = 0.1, pulls: int = 1) -> Plan:
    return Plan(actors, setup, pulls=pulls, patience=patience, recorded=0.0, stops=(13.0,), cut=0.0)


SMALL: dict[str, Small] = {
    "locks-of-two": Small(_plan("taker", "taker", setup=("changed",), patience=0.0), 2, 3),
    "locks-of-three": Small(_plan("taker", "taker", "taker", setup=("changed",), patience=0.0), 1, 3),
    "taker-killed": Small(_plan("taker", "taker", setup=("changed",), patience=0.0), 1, 3, ("kill",), "taker"),
    "holder-stopped": Small(_plan("taker", "taker", setup=("fulfilled",), patience=14.0), 0, 2, ("stop",), "taker-"),
    "two-workers": Small(_plan("worker", "worker", setup=("held",)), 1, 2),
    "worker-killed": Small(_plan("worker", "worker"), 0, 1, ("kill",), "worker"),
    "worker-stopped": Small(_plan("worker", "worker", patience=14.0), 0, 1, ("stop",), "worker-1"),
    "two-hands": Small(_plan("by_hand", "by_hand"), 2, 3),
    "hand-and-requeue": Small(_plan("by_hand", "requeuer", setup=("fulfilled",)), 1, 3),
    "requeue-killed": Small(_plan("requeuer", "worker", setup=("fulfilled",)), 0, 1, ("kill",), "requeuer"),
    "requeue-stopped": Small(
        _plan("requeuer", "worker", "by_hand", setup=("fulfilled",), patience=14.0), 0, 1, ("stop",), "requeuer"
    ),
    "park-killed": Small(_plan("parker", "worker"), 0, 1, ("kill",), "parker"),
    "hand-stopped": Small(_plan("by_hand", "updater", "worker", patience=14.0), 0, 1, ("stop",), "by_hand"),
    "queue-and-done": Small(_plan("queuer", "notifier", setup=("told",)), 0, 1),
    "done-killed": Small(_plan("notifier", "queuer", setup=("told",)), 0, 1, ("kill",), "notifier"),
    "update-and-hand": Small(_plan("updater", "by_hand"), 1, 3),
    "unqueue-and-flush": Small(_plan("unqueuer", "responding", setup=("queued",)), 0, 1),
    "delete-killed": Small(_plan("deleter", "worker"), 0, 1, ("kill",), "deleter"),
    "person-killed": Small(_plan("person", setup=("pending", "parked")), 0, 1, ("kill",), "person"),
}  # fmt: skip


def explore(small: Small, bound: int, most: int | None = None) -> Figures:
    """Play every schedule within the bound. Raises AssertionError with the choices of the first that is red."""
    total = Figures()
    strategy = Exhaustive(bound, small.faults, small.victims)
    for _ in strategy:
        run = Run(small.plan, strategy, 1, "journal")
        try:
            total.add(run.play())
        except Exception as error:
            trace = "\n".join(map(shown, run.world.hub.trace[-60:]))
            told = f"schedule {strategy.runs}, choices {strategy.choices}, faults {run.faults.told}"
            raise AssertionError(f"{type(error).__name__}: {error}\n{told}\n{trace}") from error
        if most is not None and strategy.runs >= most:
            break
    return total
