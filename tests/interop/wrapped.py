"""The real machine with something around its system calls: to count them, or to stop at a chosen one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from fsjob_core.host import REAL, Calls, Host

Call = Callable[..., Any]


def wrapped(wrap: Callable[[str, Call], Call]) -> Host:
    """The real host, each of whose calls is what `wrap(name, call)` makes of it."""
    calls = {name: wrap(name, getattr(REAL.calls, name)) for name in Calls.__annotations__}
    return replace(REAL, calls=cast(Calls, SimpleNamespace(**calls)), services={})  # with a heart of its own
