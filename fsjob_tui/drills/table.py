"""The drills, by name."""

from __future__ import annotations

from .dead_worker import DeadWorker
from .drill import Drill
from .full_disk import FullDisk
from .ghost import Ghost
from .hung import Hung
from .moved_store import MovedStore
from .poison import Poison

DRILLS: dict[str, type[Drill]] = {
    drill.name: drill for drill in (DeadWorker, Hung, Ghost, FullDisk, MovedStore, Poison)
}
