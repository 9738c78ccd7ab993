"""Rows come, go and change places under the cursor: no act may ever hit another job than the one seen there."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import JobStore

from ..conftest import scale
from .churn import Churn
from .conftest import Open
from .terminal import Terminal

SECONDS = scale(8, 60)
ACTS = {"p": "park", "D": "delete", "r": "requeue"}
MOVES = {"j": "down", "k": "up", "g": "top", "G": "bottom", "1": "view-pending", "4": "view-fulfilled",
         "5": "view-parked", " ": "mark"}  # fmt: skip
_DIALOG = re.compile(r"(PARK|DELETE|RUN AGAIN) ─")
_NAMED = re.compile(r"(\d[\d,]*) jobs?: ([0-9a-z]{20})|job  ([0-9a-z]{20})  is fulfilled")


class Person:
    """Presses keys at random, and remembers what was under the cursor on the screen when the key went down."""

    def __init__(self, console: Terminal, keys: Path, seed: int) -> None:
        self.console, self.keys, self.chance = console, keys, random.Random(seed)
        self.wrong: list[str] = []
        self.count: Counter[str] = Counter()
        self.looked_at = ""
        """The screen when the last key that acts went down."""

    def done(self, *names: str) -> list[dict[str, Any]]:
        """What the console says of each time that it ran one of these actions."""
        lines = map(json.loads, self.keys.read_text().splitlines())
        return [line for line in lines if line["do"] in names]

    def under_the_cursor(self) -> str:
        """The end of the id in the row of the cursor, as it stands on the screen; empty where a toast covers it."""
        row = next((line for line in self.console.screen.display if line.startswith("▸")), "")
        found = re.search(r"…(\w{6}) ", row)
        return found[1] if found else ""

    def until(self, true: Callable[[], object], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                return False
            self.console.read(0.02)
        return True

    def asked(self) -> bool:
        return _DIALOG.search(self.console.text) is not None

    def step(self) -> None:
        if self.asked():
            self._answer()
        elif self.chance.random() < 0.5:
            key = self.chance.choice(list(MOVES))
            self._press_and_look(key, MOVES[key])
            if key == "5":  # the groups of errors; the jobs of one are what is aimed at
                self._press_and_look("\r", "open")
        else:
            self._aim(self.chance.choice(list(ACTS)))

    def _press_and_look(self, key: str, name: str) -> None:
        """A key that moves the cursor; whoever pressed it waits until it is seen to have moved."""
        cursor = str(self._press(key, name)["cursor"])
        self.until(lambda: cursor[-6:] == self.under_the_cursor(), 1.0)

    def _aim(self, key: str) -> None:
        while self.console.read(0.005):  # what has been painted by now
            pass
        marked = re.search(r"(\d[\d,]*) marked", self.console.text)
        seen = self.under_the_cursor()
        if not seen or "NEWEST" in self.console.text:
            return
        self.looked_at = self.console.text
        name = ACTS[key]
        line = self._press(key, name)
        if line["ids"]:
            assert self.until(self.asked, 20)
            self._judge(key, seen, marked[1] if marked else "")
        else:
            self.count["refused"] += 1

    def _press(self, key: str, name: str) -> dict[str, Any]:
        """Press a key; gives what the console says that it did."""
        before = len(self.done(name))
        os.write(self.console.master, key.encode())
        assert self.until(lambda: len(self.done(name)) > before, 30), f"{name}\n{self.console.text}"
        return self.done(name)[-1]

    def _judge(self, key: str, seen: str, marked: str) -> None:
        """The dialog names what was seen, whatever has happened since."""
        self.until(lambda: _NAMED.search(self.console.text), 5.0)  # it is painted in pieces
        named = _NAMED.search(self.console.text)
        if named is None:
            self.wrong.append(f"{key}: the dialog names no job\n{self.console.text}")
            return
        job_id = named[2] or named[3]
        self.count[ACTS[key]] += 1
        if marked:
            if int((named[1] or "1").replace(",", "")) > int(marked.replace(",", "")):
                self.wrong.append(f"{key}: {marked} were marked, {named[1]} are asked about")
        elif not seen or not job_id.endswith(seen) or (named[1] or "1") != "1":
            self.wrong.append(f"{key}: …{seen} was under the cursor, {job_id} is asked about\n{self.looked_at}")

    def _answer(self) -> None:
        yes = self.chance.random() < 0.7 and "Type the number" not in self.console.text
        key = ("i" if "in place" in self.console.text else "y") if yes else "\x1b"
        self.count["yes" if yes else "no"] += 1
        for _ in range(4):  # a key that came before the dialog was ready is lost, as it should be
            os.write(self.console.master, key.encode())
            if self.until(lambda: not self.asked(), 6):
                return
        raise AssertionError(self.console.text)


def test_every_act_hits_the_job_that_was_under_the_cursor(
    store: JobStore, open_console: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    monkeypatch.setenv("FSJOB_KEY_LOG", str(keys))
    churn = Churn(store.directory)
    console = open_console()
    console.until("▸")
    person = Person(console, keys, seed=7)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        person.step()
        assert console.process.poll() is None, console.text
    console.press("\x1b")
    rate = churn.end()
    acts = [json.loads(line) for line in Path(store.layout.audit).read_text().splitlines()]
    print(f"{rate:.0f} changes a second; {dict(person.count)}; {len(acts)} acts")
    assert person.wrong == [], "\n\n".join(person.wrong)
    assert acts and person.count["yes"], "something was done"
    for act in ACTS.values():
        asked = {job_id for line in person.done(act) for job_id in line["ids"]}
        assert {line["id"] for line in acts if line["act"] == act} <= asked, "nothing but what was asked about"
