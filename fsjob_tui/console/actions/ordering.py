"""Ordering a view by one of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..narrowed import MOST_READ, Order
from ..rows import Rows
from ..screens.ordering import OrderDialog
from ..views.column import Column, by_time
from .action import Action

if TYPE_CHECKING:
    from ..screens.main import MainScreen

MOST = 200_000
"""Rows that are ordered at most by anything but their time: a million more would be kept a second time."""


def _order(screen: MainScreen) -> None:
    columns, model, view = screen.view.orderable(), screen.model, screen.view
    if not columns:
        screen.tell(f"{view.title.lower()} have one order")
        return
    order, whole = model.narrowed.order(view.name), view.whole(model)
    reverse = order.reverse if order is not None else isinstance(whole, Rows) and whole.newest
    now = next((i for i, c in enumerate(columns) if _is_now(c, order)), 0)

    def chosen(index: int | None) -> None:
        if index is not None:
            again = index == now and (order is not None or isinstance(whole, Rows))
            order_by(screen, columns[index], reverse=again and not reverse)

    screen.app.push_screen(OrderDialog([column.title for column in columns], now, "▼" if reverse else "▲"), chosen)


def _is_now(column: Column, order: Order | None) -> bool:
    return column.by is by_time if order is None else column.title == order.title


def order_by(screen: MainScreen, column: Column, *, reverse: bool) -> None:
    """Order the rows of the view by a column."""
    model, view = screen.model, screen.view
    count = len(screen.table.source)
    most = MOST_READ if column.reads else MOST
    if column.by is None or (column.by is not by_time and count > most):
        why = ": each job is read for that" if column.reads else ""
        screen.tell(f"{count:,} rows are too many for {column.title}{why}; filter them to {most:,} at most", wrong=True)
        return
    whole = view.whole(model)
    if column.by is by_time and isinstance(whole, Rows):
        whole.newest = reverse
        model.narrowed.set_order(view.name, None)
    else:
        model.narrowed.set_order(view.name, Order(column.title, column.by, column.reads, reverse))
    screen.table.model_changed(keep_line=False)
    screen.table.refresh()
    screen.refresh_around()
    screen.ask_for_rows()


ORDER = Action("order", "o", "order", "order the rows by a column; the same again reverses", _order)
