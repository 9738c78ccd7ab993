"""What survives a process only to end what that process has left running."""

from __future__ import annotations

import subprocess
from contextlib import suppress


class Undertaker:
    """A small shell that outlives this process, and then kills the process groups that it left running.

    Killed outright a worker can end nothing itself: its job would be another's at once, and be done by two.
    """

    _SCRIPT = (
        'trap "" HUP INT TERM; groups=" "; '
        "while read -r word group; do case $word in "
        '+) groups="$groups$group ";; '
        '-) groups="${groups%% $group *} ${groups#* $group }";; '
        "esac; done; "
        'for group in $groups; do kill -KILL -- "-$group"; done'
    )

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", self._SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """A process group that is to end with this process."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """It has ended: its number may soon be another's."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End it, and what it still watches."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        if self._shell.stdin is not None:
            with suppress(BrokenPipeError):  # somebody killed it: the work itself goes on
                self._shell.stdin.write(line.encode())
