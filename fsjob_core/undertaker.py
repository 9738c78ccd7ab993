"""What survives a process only to end what that process has left running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress


class Undertaker:
    """A small shell that outlives this process, and then kills the process groups that it left running.

    Killed outright a worker can end nothing itself: its job would be another's at once, and be done by two. A group
    signs itself in before it runs its command, or a kill between the two would leave it running. Once this process
    has ended the way in is closed, and who came in by then is heard to the end: nobody signs in unheard.
    """

    _SCRIPT = (
        'trap "" HUP INT TERM; groups=" "; '
        "hear() { while read -r word group; do "
        'case $groups in *" $group "*) known=yes;; *) known=no;; esac; '
        "case $word$known in "
        '+no) groups="$groups$group ";; '
        '-yes) groups="${groups%% $group *} ${groups#* $group }";; '
        "esac; done; }; "
        "hear; exec 2>&-; hear; "
        'for group in $groups; do kill -s KILL -- "-$group"; done'
    )
    """Hears on 0; 2 is the same pipe, and the way in."""
    _SIGN_IN = '{ echo "+ $$" >"$0"; } 2>/dev/null || exit 125; exec "$@"'

    def __init__(self) -> None:
        heard, said = os.pipe()
        self._pipe = os.fdopen(said, "wb", buffering=0)
        try:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", self._SCRIPT],
                stdin=heard,
                stdout=subprocess.DEVNULL,
                stderr=heard,
                start_new_session=True,
            )
        except BaseException:
            self._pipe.close()
            raise
        finally:
            os.close(heard)
        self._way_in = f"/proc/{self._shell.pid}/fd/2"  # while it is not waited for, its number is nobody else's

    def signing_in(self, argv: Sequence[str]) -> list[str]:
        """The command, told to sign in its process group, which it leads, before it begins.

        As it is where there is no /proc, or where somebody has killed the undertaker: the work itself goes on.
        """
        if os.path.exists(self._way_in):
            return ["/bin/sh", "-c", self._SIGN_IN, self._way_in, *argv]
        return list(argv)

    def watch(self, group: int) -> None:
        """A process group that is to end with this process, if it has not signed in itself."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """It has ended: its number may soon be another's."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End it, and what it still watches."""
        self._pipe.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            self._pipe.write(line.encode())
