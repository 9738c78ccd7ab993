"""Moving about in the main screen: views, rows, trouble, the filter, marks, the order."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from fsjob_core.facts import Evidence
from fsjob_core.health import RELEASABLE

from ..bindings import VIEWS
from ..widgets.panes import Pane
from ..widgets.table import JobTable
from .painted import Painted

ORDER = list(VIEWS.values())


class Moving(Painted):
    """The keys that change what is shown, and nothing else."""

    # ── moving about ──

    def go(self, view: str) -> None:
        """Show a view."""
        if view != self.view:
            self._last_view = self.view
            self._opened = None
            self.table.show(view)
            self.table.focus()
        self.refresh_around()
        self._ask_for_rows()

    def action_view(self, view: str) -> None:
        self.go(view)

    def action_next_view(self) -> None:
        self.go(ORDER[(ORDER.index(self.view) + 1) % len(ORDER)])

    def action_previous_view(self) -> None:
        self.go(ORDER[ORDER.index(self.view) - 1])

    def action_last_view(self) -> None:
        self.go(self._last_view)

    def action_up(self) -> None:
        self._scroll_or_move(-1)

    def action_down(self) -> None:
        self._scroll_or_move(1)

    def action_page_up(self) -> None:
        self._scroll_or_move(-self.table.page)

    def action_page_down(self) -> None:
        self._scroll_or_move(self.table.page)

    def action_top(self) -> None:
        self._scroll_or_move(-(10**9))

    def action_bottom(self) -> None:
        self._scroll_or_move(10**9)

    def _scroll_or_move(self, rows: int) -> None:
        if not self.query_one("#left").display:
            self.query_one("#detail", Pane).scroll_relative(y=rows, animate=False)
        else:
            self._opened = None
            self.table.move_to(min(max(self.table.index + rows, 0), 10**9))

    def action_worst(self) -> None:
        evidence = self.model.verdict.evidence
        self._evidence = (self._evidence + 1) % len(evidence)
        self._go_to(evidence[self._evidence])

    def _go_to(self, evidence: Evidence) -> None:
        self.go(evidence.view)
        if evidence.view == "locked":
            for key, row in self.model.locks.items():
                if row.info.id == evidence.id:
                    self.table.move_to_key(key)
                    return
        elif evidence.id:
            self.table.move_to_key(evidence.id)

    def action_next(self) -> None:
        self._to_trouble(1)

    def action_previous(self) -> None:
        self._to_trouble(-1)

    def _to_trouble(self, step: int) -> None:
        model, table = self.model, self.table
        if self.view == "locked":
            bad = [key for key, row in model.locks.items() if row.info.verdict in RELEASABLE]
        else:
            bad = [job_id for job_id, lock in model.work_locks.items() if lock.verdict in RELEASABLE]
            bad += [job_id for job_id, detail in model.details.items() if detail.problem]
        found = sorted({index for key in bad if (index := table.source.index(key)) is not None})
        after = [index for index in found if (index > table.index if step > 0 else index < table.index)]
        if found:
            table.move_to((after[0] if step > 0 else after[-1]) if after else (found[0] if step > 0 else found[-1]))
        else:
            self.tell("no trouble among these rows")

    def action_open(self) -> None:
        self._opened = self._shown_job()
        self.refresh_around()
        self._ask_for_rows()

    @on(JobTable.Opened)
    def opened(self) -> None:
        self.action_open()

    # ── the filter, marks, the order ──

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.value = self.model.filter
        field.focus()

    def _end_filter(self) -> None:
        field = self.query_one("#filter", Input)
        self.model.set_filter(field.value)
        field.display = False
        self.table.focus()
        self.table.model_changed()
        self.refresh_around()
        self._ask_for_rows()

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        if event.input.has_focus:
            self.model.set_filter(event.value)
            self.table.model_changed()
            self.refresh_around()
            self._ask_for_rows()

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        self._end_filter()

    def action_mark(self) -> None:
        table = self.table
        if table.cursor is not None:
            table.marked ^= {table.cursor}
            table.move(1)
            self.refresh_around()

    def action_mark_all(self) -> None:
        table = self.table
        every = {table.source.key(index) for index in range(len(table.source))}
        table.marked = set() if table.marked >= every else every
        table.repaint()
        self.refresh_around()

    def action_order(self) -> None:
        rows = self.model.rows.get(self.view)
        if rows is None:
            self.tell("locks are ordered worst first, workers by name")
            return
        rows.newest = not rows.newest
        self.model.set_filter(self.model.filter)
        self.table.model_changed(keep_line=False)
        self.table.repaint()
        self.tell("newest first" if rows.newest else "oldest first")
