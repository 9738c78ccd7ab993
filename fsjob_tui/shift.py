"""Real worker processes of a demo or a drill: started, listened to, ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

Heard = Callable[[Mapping[str, Any]], None]
"""Called with each event of a worker, from a thread of its own."""
END_WITHIN = 5.0
"""Seconds that a worker which is told to stop has for that."""


class Shift:
    """`fsjob worker` processes on one store."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._workers: list[subprocess.Popen[bytes]] = []
        self._listeners: list[threading.Thread] = []

    def start(self, name: str, *arguments: str, heard: Heard = lambda event: None) -> subprocess.Popen[bytes]:
        """Start a worker, which ends when this process does."""
        there, here = os.pipe()
        command = [
            sys.executable, "-m", "fsjob_tui.cli", "worker", "-C", self._directory, "--name", name,
            "--events-fd", str(here), *arguments,
        ]  # fmt: skip
        worker = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[here]
        )
        os.close(here)
        listener = threading.Thread(target=_listen, args=(there, heard), daemon=True)
        listener.start()
        self._workers.append(worker)
        self._listeners.append(listener)
        return worker

    def stop(self) -> None:
        """End every worker; all they said has been heard."""
        for worker in self._workers:
            _tell_to_stop(worker)
        for worker in self._workers:
            try:
                worker.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        for listener in self._listeners:
            listener.join()


def at_end_of_input(call: Callable[[], object]) -> None:
    """Have something called once whoever started this process has closed its standard input, or is gone."""

    def wait() -> None:
        while os.read(0, 4096):  # not a buffered file: a thread in one makes an interpreter that ends abort
            pass
        call()

    threading.Thread(target=wait, daemon=True).start()


def _listen(pipe: int, heard: Heard) -> None:
    with open(pipe, "rb") as events:
        for line in events:
            try:
                event = json.loads(line)
            except ValueError:  # cut off: it was killed in the middle of it
                continue
            heard(event)


def _tell_to_stop(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None and worker.stdin is not None:
        try:
            worker.stdin.write(b"stop\n")
            worker.stdin.close()
        except OSError:
            worker.terminate()
