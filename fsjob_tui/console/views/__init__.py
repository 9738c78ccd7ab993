"""The views, in the order of their keys."""

from __future__ import annotations

from .fulfilled import Fulfilled
from .locked import Locked
from .parked import Parked
from .pending import Pending
from .problems import ProblemRows
from .view import View
from .waiting import Waiting
from .workers import Workers

__all__ = ["VIEWS", "View"]

VIEWS: dict[str, View] = {
    view.name: view for view in (Pending(), Locked(), Waiting(), Fulfilled(), Parked(), ProblemRows(), Workers())
}
