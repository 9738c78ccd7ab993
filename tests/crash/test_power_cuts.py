"""The power is cut before every call of every operation, on disks of real file systems: what was acknowledged is there.

Other than a kill, a cut loses what was not synced; other than the simulation's disks, these do what file systems do.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ..conftest import scale
from .conftest import Sweep
from .images import FILE_SYSTEMS
from .operations import OPERATIONS

SYSTEMS = list(FILE_SYSTEMS)[: scale(1, 3)]
SOME = ("create-many", "work", "requeue-fulfilled", "delete-and-undo")
"""Of every promise that is about power one."""
EACH_SYSTEM = pytest.mark.parametrize("file_system", SYSTEMS)


@EACH_SYSTEM
@pytest.mark.parametrize("name", list(OPERATIONS) if scale(0, 1) else SOME)
def test_power_cut_before_any_call(sweep: Sweep, name: str, file_system: str) -> None:
    sweep("cut", name, file_system=file_system, every=scale(3, 1))


@EACH_SYSTEM
@pytest.mark.parametrize("name", list(OPERATIONS) if scale(0, 1) else SOME[1:3])
def test_power_cut_while_others_sync(sweep: Sweep, name: str, file_system: str) -> None:
    sweep("cut", name, file_system=file_system, busy=True, every=scale(17, 1))


@EACH_SYSTEM
def test_a_store_that_never_syncs_loses(sweep: Sweep, file_system: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"the acknowledged job .* is None"):
        sweep("cut", "create", file_system=file_system, durability="process")


class Bug(NamedTuple):
    """A deliberate bug, an operation that loses something by it, and where."""

    mutant: str
    operation: str
    where: tuple[str, ...] = tuple(FILE_SYSTEMS)
    busy: bool = False


BUGS = (
    Bug("no_sync_of_pending_in__link", "create"),
    Bug("no_sync_of_value_in_put_value", "fulfill"),
    Bug("no_sync_of_it_in_commit_prepared", "update"),
    Bug("no_sync_of_state_json_in_write_new", "create"),
    Bug("no_sync_of_it_in_put_value", "fulfill"),
    Bug("no_sync_of_state_in_prepare", "update"),
    Bug("no_sync_of_waiting_in_queue", "queue", ("btrfs",)),
    Bug("no_sync_of_pending_in_requeue", "requeue-fulfilled", ("btrfs",)),
    Bug("no_sync_of_parked_in_park", "park", ("btrfs",)),
    Bug("waiting_link_removed_first", "notify", busy=True),
)
"""A journal forgives those of btrfs alone: the next sync of anything makes all that came before last. Two more of the
simulation's, of a new job's directory and of `jobs/`, are forgiven by all three, as the sync of `pending/` follows."""


@pytest.mark.parametrize(
    ("bug", "file_system"),
    [(bug, where) for bug in BUGS[: scale(3, len(BUGS))] for where in SYSTEMS if where in bug.where],
    ids=lambda value: value if isinstance(value, str) else value.mutant,
)
def test_a_bug_is_found(sweep: Sweep, bug: Bug, file_system: str) -> None:
    with pytest.raises(pytest.fail.Exception) as found:
        sweep("cut", bug.operation, file_system=file_system, busy=bug.busy, mutant=bug.mutant)
    print(f"mutant {bug.mutant}: {str(found.value).splitlines()[0][:160]}")
