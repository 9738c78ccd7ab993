"""Sweeps over every call of an operation, in a process of its own, from which the victims are forked.

Reads requests as JSON lines and answers each with one. By hand:

    echo '{"kind": "kill", "operation": "park"}' | python -m tests.crash
    echo '{"kind": "kill", "operation": "park", "only": 17}' | python -m tests.crash
    echo '{"kind": "cut", "operation": "park", "file_system": "xfs"}' | python -m tests.crash
"""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from .cuts import cut
from .failing import fail
from .images import Missing
from .mutants import PATCHES
from .operations import OPERATIONS
from .sweep import Bench, Enough, Found, kill
from .traced import trace

KINDS: dict[str, Callable[..., None]] = {"kill": kill, "trace": trace, "fail": fail, "cut": cut}


def room() -> str:
    """Where stores are made: in memory, if owners can be written there; a sweep is about calls, not about disks."""
    made = tempfile.mkdtemp(prefix="fsjob-crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        os.setxattr(made, "user.fsjob.tried", b"1")
    except OSError:
        os.rmdir(made)
        return tempfile.mkdtemp(prefix="fsjob-crash-")
    return made


def answer(request: dict[str, Any]) -> dict[str, Any]:
    kind, name = request.pop("kind"), request.pop("operation")
    durability, mutant = request.pop("durability", "full"), request.pop("mutant", "")
    found = Found(hunt=bool(mutant))
    where = room()
    try:
        bench = Bench(OPERATIONS[name], durability, where)
        with pytest.MonkeyPatch.context() as patch, suppress(Enough):
            if mutant:
                PATCHES[mutant](patch)
            KINDS[kind](bench, found, **request)
    except Missing as error:
        return {"missing": str(error)}
    finally:
        shutil.rmtree(where, ignore_errors=True)
    return {"points": found.points, "calls": found.calls, "violations": found.violations}


def main() -> None:
    gc.freeze()  # forks are cheaper where nothing is moved afterwards
    logging.disable()  # of targets that do not hear
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
