"""What a figure was measured on. No names: cores, kernel, file system, Python, and how busy the machine was."""

from __future__ import annotations

import os
import platform

from fsjob_core.host import REAL


def machine(folder: str) -> dict[str, object]:
    """Members for the JSON line of a benchmark that ran in `folder`."""
    return {
        "file_system": REAL.fstype(folder),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def whole_numbers(name: str, usual: str) -> list[int]:
    """A list of whole numbers from the environment: "1,2,4"."""
    return [int(number) for number in os.environ.get(name, usual).split(",")]
