"""The scenarios by name: who acts on what, and how hostile the world is to them."""

from __future__ import annotations

from dataclasses import replace

from .scenarios import Plan

OPERATORS = (
    "by_hand", "creator", "queuer", "unqueuer", "notifier", "updater", "requeuer", "parker", "breaker", "doctor",
    "deleter",
)  # fmt: skip
SLOW = (20e-6, 0.01, 0.2)
"""Seconds a call: a disk, a slow one, one that nearly hangs."""

_AIMED = Plan(
    ("worker", "worker", "requeuer"), kill=0.0, stop=0.0, stops=(10.2, 13.0, 24.0), pulls=4, patience=30.0, most=4,
    jitter=0.2, rouse=0.1, paces=SLOW, cut=0.003, also=("requeuer", "updater", "by_hand", "parker", "queuer"),
)  # fmt: skip
"""Processes that are stopped right where decisions fall, and go on right where others decide."""

_NETWORK = Plan(
    ("worker", "worker", "worker"), ("pending", "queued"), kill=0.001, stop=0.001, cut=0.0, lies=0.02, long=0.2,
    patience=25.0, machines=("one", "two"), skew=30.0,
    also=("creator", "queuer", "requeuer", "parker", "updater", "notifier", "by_hand", "unqueuer"),
)  # fmt: skip
"""Two machines, one's clock half a minute off, on a file system whose answers are late, or lies."""

PLANS: dict[str, Plan] = {
    "takeover": Plan(("worker",) * 3, ("held",), pulls=1, kill=0.003, stop=0.003),
    "takers": Plan(
        ("worker", "worker"), ("held",), pulls=1, patience=0.05, kill=0.004, stop=0.004, booted=0.01, healed=0.0
    ),
    "duel": Plan(
        (), pulls=1, patience=0.05, kill=0.004, stop=0.004, booted=0.01, healed=0.0, also=(*OPERATORS, "worker")
    ),
    "life": Plan(("worker", "worker", "creator"), ("pending",), also=OPERATORS),
    "resolve": Plan(("worker", "by_hand", "requeuer"), ("pending",), also=("worker", "parker", "updater", "queuer")),
    "parked": Plan(("worker", "requeuer", "parker"), ("parked", "pending"), pulls=1, also=OPERATORS),
    "told": Plan(
        ("notifier", "notifier", "queuer"), ("told", "queued"), also=("unqueuer", "requeuer", "responding", "worker")
    ),
    "taken-off": Plan(("unqueuer",) * 3, ("told",), kill=0.01, cut=0.05, also=("queuer", "notifier")),
    "flushed": Plan(("responding", "queuer", "unqueuer"), ("queued",), also=("notifier", "requeuer", "by_hand")),
    "edited": Plan(("updater", "updater", "worker"), ("pending", "queued"), also=("requeuer", "queuer", "by_hand")),
    "batch": Plan(("batch_creator", "worker"), (), pulls=3, also=("creator", "worker")),
    "killed": Plan(("worker",) * 3, ("pending", "held"), kill=0.008, stop=0.0, most=3, also=OPERATORS),
    "barred": Plan(
        ("worker", "barrer", "worker"), ("pending", "held"), long=0.6, kill=0.001, patience=10.0,
        also=("breaker", "requeuer", "parker"),
    ),
    "stopped": Plan(
        ("worker",) * 3, ("pending",), kill=0.0, stop=0.01, most=5, patience=20.0, jitter=0.5, rouse=0.05, paces=SLOW,
        also=OPERATORS,
    ),
    "contended": Plan(
        ("worker", "worker", "requeuer", "requeuer"), ("pending",), kill=0.0, stop=0.006, most=6, long=0.3, pulls=3,
        patience=20.0, requeues=2, rouse=0.05, also=OPERATORS,
    ),
    "clocks": Plan(
        ("worker",) * 3, ("pending", "held"), long=0.7, jump=0.003, kill=0.0005, stop=0.0005, cut=0.003, pulls=3,
        patience=15.0, also=OPERATORS,
    ),
    "failing": Plan(
        ("worker", "creator", "requeuer"), ("pending", "told"), error=0.01, short_writes=0.1, also=OPERATORS
    ),
    "cut": Plan(("worker", "by_hand"), ("pending", "told"), cut=0.2, booted=0.01, also=OPERATORS),
    "unsynced": Plan(
        ("worker", "by_hand", "notifier"), ("pending", "told"), aim=("fsync", ""), aim_kills=True, aimed=0.05, most=2,
        kill=0.0, stop=0.0, cut=0.05, patience=12.0, also=("worker", "worker", "requeuer", "notifier"),
    ),
    "doctored": Plan(
        ("doctor", "worker", "requeuer"), ("pending", "told", "parked", "held"), kill=0.003, patience=6.0,
        also=(*OPERATORS, "doctor"),
    ),
    "people": Plan(
        ("person", "person", "worker"), ("pending", "told", "parked"), patience=6.0,
        also=("person", "notifier", "worker"),
    ),
    "node": Plan(
        ("node", "node", "worker"), ("pending", "queued", "told"), kill=0.0005, stop=0.001, cut=0.0, spared="rename",
        patience=20.0, also=("worker", "worker", "queuer", "notifier", "creator"),
    ),
    "nfs": replace(_NETWORK, profile="nfs"),
    "noxattr": replace(_NETWORK, profile="noxattr"),
    "gluster": replace(_NETWORK, profile="gluster"),
    "juicefs": replace(_NETWORK, profile="juicefs"),
    "late": replace(_AIMED, aim=("rename", "")),
    "late-requeue": replace(_AIMED, setup=("fulfilled",), aim=("rename", "-state"), stops=(24.0, 40.0), patience=50.0),
    "late-unlink": replace(_AIMED, aim=("unlink", ""), also=("requeuer", "notifier", "parker")),
    "late-open": replace(_AIMED, aim=("open", "-state"), actors=("updater", "updater", "by_hand", "requeuer")),
    "late-bar": replace(
        _AIMED, aim=("open", "-state"), actors=("updater", "barrer", "by_hand", "queuer"), stops=(7.5,), jitter=0.4,
        barred="state", patience=12.0,
    ),
    "proof": replace(_AIMED, aim=("lstat", ".lock"), stops=(8.5, 10.1, 11.0), jitter=1.0, most=8),
    "taking": replace(
        _AIMED, aim=("open", ".lock"), stops=(10.1, 11.0), jitter=1.0, most=8,
        actors=("worker", "worker", "updater", "updater", "queuer"),
    ),
    "removing": replace(
        _AIMED, aim=("rmdir", ".lock"), most=6, recorded=0.9,
        actors=("worker", "worker", "updater", "queuer", "requeuer"),
    ),
    "beating": replace(_AIMED, aim=("utime", ""), aimed=0.5, long=1.0, actors=("worker",) * 3, recorded=0.9),
    "paired": replace(
        _AIMED, aim=("rmdir", ".lock"), most=6, recorded=0.9, actors=("pair", "pair", "updater"),
        setup=("pending",) * 2,
    ),
}  # fmt: skip
