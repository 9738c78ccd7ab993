"""Editing a text in $EDITOR: in a file that nobody else can read, of which nothing is left."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile


def edit_outside(text: str) -> tuple[str | None, str]:
    """What $EDITOR makes of a text, or None, and a sentence where that is because something went wrong.

    The file has mode 0600 and lies in a folder of its own of mode 0700, where the editor's own copies go as well.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        folder = tempfile.mkdtemp(prefix="fsjob-")
    except OSError as error:
        return None, f"no room for a file to edit: {error}"
    path = os.path.join(folder, "request.json")
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        ended = subprocess.run([*shlex.split(command), path], check=False).returncode
        if ended:
            return None, f"{command} ended with {ended}; nothing was taken over"
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n"), ""
    except (OSError, ValueError) as error:
        return None, f"{command} could not be used: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
