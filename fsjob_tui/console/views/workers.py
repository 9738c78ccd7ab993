"""The workers that are signed in, and below them the log of the one in this console."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsjob_core.facts import LockInfo, WorkerInfo

from ...text import safe_text, short_age, short_seconds, short_size
from ..model import Model
from ..pieces import Piece
from ..rows import Source
from .column import EMPTY, Cell, Column
from .view import View

if TYPE_CHECKING:
    from ..embedded import EmbeddedWorker
    from ..screens.frame import Frame

STYLES = {"busy": ("●", "good"), "idle": ("○", ""), "draining": ("▽", "warn"), "paused": ("‖", "warn")}


def _worker(show: Callable[[WorkerInfo, float], Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        worker = model.workers.get(key)
        return show(worker, now) if worker is not None else EMPTY

    return cell


def _sign(state: str) -> Cell:
    return Cell(*STYLES.get(state, ("▲", "bad")))


class Workers(View):
    name, key, title, short = "workers", "7", "Workers", "Work"
    help = "the workers, and the log of the one in this console"
    empty = "no worker is signed in; w starts one here. Node workers are seen only by their locks"
    filters = False
    beside = False
    reads = False
    follows = True
    columns = (
        Column("", 1, 9, _worker(lambda worker, now: _sign(worker.state))),
        Column("WORKER", 14, 9, _worker(lambda worker, now: Cell(safe_text(worker.name))), wide=20),
        Column("HOST:PID", 18, 4, _worker(lambda worker, now: Cell(safe_text(f"{worker.host}:{worker.pid}")))),
        Column("STATE", 8, 8, _worker(lambda w, now: Cell(safe_text(w.state), _sign(w.state).style))),
        Column("NOW", 4, 6, _worker(lambda worker, now: Cell(str(worker.now))), right=True),
        Column("DONE", 7, 5, _worker(lambda worker, now: Cell(f"{worker.done:,}")), right=True),
        Column("FAILED", 6, 3, _worker(lambda worker, now: Cell(f"{worker.failed:,}")), right=True),
        Column("BEAT", 7, 7, _worker(lambda worker, now: Cell(short_age(now - worker.beat))), right=True),
        Column("COMMAND", 0, 2, _worker(lambda worker, now: Cell(safe_text(worker.command), "dim"))),
    )

    def whole(self, model: Model) -> Source:
        return model.listed["workers"]

    def total(self, model: Model) -> int:
        return len(model.workers)

    def known(self, model: Model) -> bool:
        return True

    def reorder(self, model: Model) -> str | None:
        return None

    def job_of(self, model: Model, key: str) -> str:
        return ""

    def lock_of(self, model: Model, key: str) -> LockInfo | None:
        return None

    def key_of(self, model: Model, job_id: str) -> str | None:
        return None

    def troubles(self, model: Model) -> list[str]:
        return [name for name, worker in model.workers.items() if worker.state == "gone"]

    def below(self, screen: Frame, room: int) -> tuple[str, list[Piece]] | None:
        worker = screen.worker
        return log_pieces(worker, room) if worker is not None else None

    def height_below(self, screen: Frame) -> int:
        return max(screen.size.height // 2 - 3, 6) if screen.worker is not None else 0


def log_pieces(worker: EmbeddedWorker, room: int) -> tuple[str, list[Piece]]:
    """What the worker in this console runs, and the last of its log."""
    title = safe_text(f"{worker.how.command} · {worker.how.concurrency} at once · tries {worker.how.attempts} · "
                      f"{worker.done} done, {worker.failed} failed")  # fmt: skip
    pieces = []
    for event in list(worker.log)[-max(room, 3) :]:
        at = time.strftime("%H:%M:%S", time.gmtime(event.get("at", 0))) if "at" in event else ""
        took = f" {short_seconds(float(event['seconds']))}" if "seconds" in event else ""
        size = f" {short_size(int(event['size']))}" if "size" in event else ""
        text = f"{at} {event.get('id', '')} {event.get('kind', '')}{took}{size}  {event.get('text', '')}"
        style = "$text-error" if event.get("kind") in ("failed", "parked", "lost") else ""
        pieces.append((safe_text(text) + "\n", style))
    keep = "ends with this console; the same without it:  " + worker.shell
    return title, [*pieces, (safe_text(keep), "$foreground-muted")]
