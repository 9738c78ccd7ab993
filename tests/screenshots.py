"""Makes screenshots/ from a demo store: `python -m tests.screenshots`. Console, monitor and locks are real."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from fsjob_core import JobStore
from fsjob_tui.console.app import ConsoleApp
from fsjob_tui.settings import Settings

ROOT = Path(__file__).parents[1]
SHOTS: tuple[tuple[str, tuple[int, int], tuple[str, ...], str], ...] = (
    ("pending", (120, 30), ("1",), "dark"),
    ("locked", (120, 30), ("2",), "dark"),
    ("locked-light", (120, 30), ("2",), "light"),
    ("release", (80, 24), ("2", "x"), "dark"),
    ("parked", (120, 30), ("5",), "dark"),
    ("fulfilled-light", (120, 30), ("4",), "light"),
    ("workers-safe", (120, 30), ("7",), "safe"),
    ("help", (80, 24), ("question_mark",), "dark"),
    ("narrow", (60, 15), ("1",), "plain"),
)
HOLDER = """
import sys
from fsjob_core import JobStore
store = JobStore(sys.argv[1], durability="process", worker_name=sys.argv[2])
kept = [store.pull_work() for _ in range(int(sys.argv[3]))]
for work in kept:
    work.begin()
print("ready", flush=True)
sys.stdin.read()
"""


def furnish(directory: str) -> list[subprocess.Popen[str]]:
    """A store in the middle of its work: one worker alive, one dead, jobs in every view."""
    store = JobStore(directory, durability="process")
    store.label("render", "staging")
    for number in range(40):
        kind = ("bundler", "resize", "invoice")[number % 3]
        store.create({"service": kind, "path": f"/srv/in/{number:03}.dat", "min": True, "token": "s3cr3t"})
    for number in range(12):
        with store.pull_work() as work:  # type: ignore[union-attr]
            work.begin()
            if number == 5:
                store.queue(work.id, {"mail": "ops@example.org"})
            if number in (3, 7):
                work.park(f"exit 1: Error: ENOSPC: no space left on device, write /srv/out/{number:03}")
            else:
                work.fulfill(f'{{"done": "/srv/out/{number:03}.dat"}}')
    holders = [_hold(directory, "bundler-3", 2), _hold(directory, "bundler-1", 2)]
    holders[0].kill()
    holders[0].wait()
    return holders[1:]


def _hold(directory: str, name: str, jobs: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, directory, name, str(jobs)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def _settled(pilot: Pilot[int]) -> None:
    """Until the rows on the screen have been read and nothing comes any more."""
    model = pilot.app._main.model  # type: ignore[attr-defined]
    for _ in range(100):
        await pilot.pause(0.1)
        reads = pilot.app._main.view.reads  # type: ignore[attr-defined]
        if model.overview is not None and model.locks and (model.details or not reads):
            break
    await pilot.pause(1.0)


async def shoot(directory: str, into: Path) -> None:
    for name, size, keys, theme in SHOTS:
        app = ConsoleApp(directory, settings=Settings(theme=theme))
        async with app.run_test(size=size) as pilot:
            await pilot.pause(1.5)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.8)
            if name not in ("release", "help"):
                await _settled(pilot)
            (into / f"{name}.svg").write_text(app.export_screenshot(title=f"fsjob: {name}"))
            app._main.close_down()


def main() -> None:
    into = ROOT / "screenshots"
    into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fsjob-") as folder:
        holders = furnish(f"{folder}/render")
        try:
            asyncio.run(shoot(f"{folder}/render", into))
        finally:
            for holder in holders:
                holder.kill()
                holder.wait()


if __name__ == "__main__":
    main()
