"""All benchmarks one after the other, a JSON line each: `python -m tests.benchmarks > results.jsonl`.

Takes half an hour on two cores; sizes come from the environment, as each program says. `WHERE` is the directory of
those that need a disk; the others use /dev/shm.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

RUNS: tuple[tuple[str, bool, dict[str, str]], ...] = (
    ("lifecycle", False, {}),
    ("lifecycle", True, {"DURABILITY": "full", "JOBS": "20", "CHUNKS": "6"}),
    ("peers", False, {}),
    ("scaling", False, {}),
    ("backlog", True, {"PEERS": "1"}),
    ("durable", True, {}),
    ("startup", True, {}),
    ("console", True, {}),
)
"""Each program, whether it needs a disk, and what it is told."""


def main() -> None:
    disk = os.environ.get("WHERE", tempfile.gettempdir())
    for name, needs_disk, settings in RUNS:
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", disk if needs_disk else "/dev/shm"]
        done = subprocess.run(command, env={**settings, **os.environ}, stdout=subprocess.PIPE, text=True, check=True)
        print(json.dumps({"benchmark": name, **json.loads(done.stdout)}), flush=True)


if __name__ == "__main__":
    main()
