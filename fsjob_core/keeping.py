"""Before an act of a person changes a job: writing down what it will replace, under the job's own locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .change import Change, Known
from .fs import Marks
from .ground import Ground
from .journal import Journal, Kept, Left
from .layout import SIDES
from .steps import Keep


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps what the acts of one group replace."""

    ground: Ground
    journal: Journal
    group: str
    who: str
    via: str

    def changed(self, act: str) -> Keep:
        """For an act that commits a new state."""

        def keep(change: Change) -> None:
            record, disk, layout = change.record, self.ground.disk, self.ground.layout
            self._keep(
                Kept(
                    act=act,
                    id=record.id,
                    old=change.data.decode("utf-8"),
                    found=Left.of(disk.marks(layout.state(record.id)), change.data),
                    left=(Left.of(*change.to_come),),
                    links=self._links(record.id),
                    value=disk.marks(layout.value(record.id)) if record.fulfilled else None,
                )
            )

        return keep

    def made(self, batch: Sequence[Known]) -> None:
        """For jobs that are about to be made."""
        self._keep(*(Kept("create", record.id, left=(Left.of(Marks(), data),)) for data, record in batch))

    def deleted(self, job_id: str) -> Callable[[str], None]:
        """For a job that is about to go into the trash under some name."""

        def keep(name: str) -> None:
            self._keep(Kept("delete", job_id, links=self._links(job_id), trash=name))

        return keep

    def _links(self, job_id: str) -> tuple[str, ...]:
        return tuple(
            name for name in SIDES if self.ground.disk.exists(self.ground.layout.link(name, job_id))
        )

    def _keep(self, *jobs: Kept) -> None:
        self.journal.keep(self.group, self.who, self.via, jobs)
