"""The actions on what is looked at and taken along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import records
from .action import Action, with_job

if TYPE_CHECKING:
    from ..screens.main import MainScreen


def _why_no_unmask(screen: MainScreen) -> str | None:
    return "opened read-only: no audit line can say who looked" if screen.acts.read_only else with_job(screen)


def _why_no_export(screen: MainScreen) -> str | None:
    return None if len(screen.table.source) else "there are no rows"


UNMASK = Action("unmask", "u", "unmask", "show what is masked of this job, which is audited, or mask it again",
                records.unmask, _why_no_unmask)  # fmt: skip
ACTIONS = (
    Action("notify", "", "notify", "notify a target of this job's value, or not any more",
           lambda screen: records.notify(screen, screen.targets()[0]), with_job, changes=True),
    Action("audit", "", "audit", "audit log: what people did here; filtered as you type", records.show_audit),
    Action("export", "", "export", "export these rows: ids or JSON lines, into a file or the clipboard",
           records.export, _why_no_export, in_browser=False),
)  # fmt: skip
"""In the palette alone."""
