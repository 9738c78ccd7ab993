"""A console that was opened read-only changes nothing, whichever way an act is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.journal import Outcome
from fsjob_core.operator import Operator
from fsjob_tui.console.actions import ACTIONS
from fsjob_tui.console.app import ConsoleApp

CHANGING = [action for action in ACTIONS.values() if action.changes]


def everything(directory: str) -> dict[str, object]:
    """All that is in a store, byte for byte."""
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in Path(directory).rglob("*")
    }


async def test_neither_keys_nor_the_palette_nor_what_is_beneath_them(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "store", durability="process")
    pending, parked = store.create({"n": 1}).id, store.create({"n": 2}).id
    store.park(parked, reason="no use")
    acts: list[Callable[[Operator], Outcome]] = [
        lambda operator: Outcome(bool(operator.create({"n": 3})), ""),
        lambda operator: operator.fulfill(pending, b"x"),
        lambda operator: operator.requeue(parked),
        lambda operator: operator.park(pending),
        lambda operator: operator.delete(pending),
        lambda operator: operator.pause(),
    ]
    before = everything(store.directory)
    app = ConsoleApp(store.directory, read_only=True)
    async with app.run_test() as pilot:
        screen = app._main
        while not len(screen.table.source):
            await pilot.pause(0.02)
        for action in CHANGING:
            await screen.action_do(action.name)
            assert app.screen is screen, f"{action.name} asks nothing"
        offered = {command.title for command in app.get_system_commands(screen)}
        assert offered and not offered & {action.help.partition(";")[0] for action in CHANGING}
        screen.acts.writing = True
        for act in acts:
            screen.acts.do("", act)
        while len(screen.acts.log) < len(acts):
            await pilot.pause(0.02)
        assert all("not done: " in line and "read-only" in line for line in screen.acts.log)
    assert everything(store.directory) == before
