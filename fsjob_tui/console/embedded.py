"""The worker in the console: `fsjob worker` as a child process whose events come back over a pipe."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from textual.message import Message

from .complaints import Complaints
from .screens.editors import WorkerCommand

LOG_LINES = 500
COMPLAINT = 4_000
"""Bytes, the last ones, of what it wrote to its standard error that are kept."""
_HANDLER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


UNIT = """\
[Unit]
Description=fsjob worker
After=network.target

[Service]
Type=notify
ExecStart={line}
WatchdogSec=60
Restart=on-failure
RestartSec=5
KillMode=mixed
TimeoutStopSec=660
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""


def _unit_word(word: str) -> str:
    """An argument as systemd reads it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w@%+=:,./$-]+", escaped) else f'"{escaped}"'


class WorkerSaid(Message):
    """The embedded worker did something."""


class EmbeddedWorker:
    """One child process; `changed` is called from its listener's thread when it said something."""

    def __init__(self, directory: str, how: WorkerCommand, changed: Callable[[], object]) -> None:
        self.how = how
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LINES)
        self.done = self.failed = 0
        self.running: dict[str, float] = {}
        self.draining = False
        self._changed = changed
        there, here = os.pipe()
        does = ["--handler", how.command] if _HANDLER.fullmatch(how.command) else ["--", *shlex.split(how.command)]
        self.arguments = [
            "worker", "-C", directory, "--concurrency", str(how.concurrency), "--max-attempts", str(how.attempts),
        ]  # fmt: skip
        self.name = f"here-{os.getpid()}"
        ours = ["--name", self.name, "--events-fd", str(here)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fsjob_tui.cli", *self.arguments, *ours, *does],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[here],
            start_new_session=True,  # ctrl+c on the terminal is the console's to answer
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        os.close(here)
        self.arguments += does
        self._complaints = Complaints(self._process.stderr, COMPLAINT)
        threading.Thread(target=self._listen, args=(there,), daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def unit(self) -> str:
        """A systemd unit that runs the same without a console."""
        program = os.path.join(os.path.dirname(sys.executable), "fsjob")
        return UNIT.format(line=" ".join(map(_unit_word, [program, *self.arguments])))

    @property
    def shell(self) -> str:
        """The line that runs the same without a console."""
        return shlex.join(["fsjob", *self.arguments])

    def drain(self) -> None:
        """Finish what runs, then end."""
        self.draining = True
        self._say(b"drain\n")

    def stop(self) -> None:
        """End what runs, give the jobs back, end."""
        self.draining = True
        self._say(b"stop\n")

    def hang_up(self) -> None:
        """The console ends: what runs has thirty seconds."""
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                return

    def _say(self, word: bytes) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(word)
                self._process.stdin.flush()
        except OSError:
            return

    def _listen(self, pipe: int) -> None:
        with open(pipe, "rb") as events:
            for line in events:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                self._count(event)
                self.log.append(event)
                self._changed()
        self._process.wait()
        complaint = self._complaints.text().strip()
        self.log.append({"kind": "ended", "text": complaint or f"exit {self._process.returncode}"})
        self.running.clear()
        self._changed()

    def _count(self, event: dict[str, Any]) -> None:
        kind, job_id = str(event.get("kind")), str(event.get("id", ""))
        if kind == "started":
            self.running[job_id] = float(event.get("at", 0))
        elif kind in ("done", "failed", "parked", "lost"):
            self.running.pop(job_id, None)
            self.done += kind == "done"
            self.failed += kind in ("failed", "parked")
