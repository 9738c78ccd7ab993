"""A store that was moved, so that the links that Node makes lead to where it was."""

from __future__ import annotations

import os

from fsjob_core.layout import SIDES, Layout
from fsjob_core.views import link_elsewhere

from .drill import Drill


class MovedStore(Drill):
    name = "moved-store"
    trouble = "The store was moved. Links that Node workers made are absolute, lead nowhere, and Node fails on them."
    answer = (
        "6 names the links that lead elsewhere; R and y, or `fsjob doctor --repair`, make relative ones of them, which "
        "survive the next move. Workers of ours never follow links, and would have gone on."
    )

    def make(self) -> None:
        ids = self.create({"type": "render", "n": number} for number in range(8))
        for job_id in ids[:4]:
            self.store.queue(job_id, {"mail": "ops@example.org"})
        was = Layout(f"{os.path.dirname(self.directory)}/where-it-was")
        for side in ("pending", "waiting"):
            directory = os.path.join(self.directory, side)
            for job_id in os.listdir(directory):
                link = os.path.join(directory, job_id)
                os.unlink(link)
                os.symlink(was.job(job_id), link)  # as Node made it, before the move

    def left(self) -> str:
        disk, layout = self.store.views.disk, self.store.layout
        found = [
            job_id for side in SIDES for job_id in self.store.views.ids(os.path.join(self.directory, side))
            if link_elsewhere(disk, layout, side, job_id) is not None
        ]  # fmt: skip
        many = f"{len(found)} {'link leads' if len(found) == 1 else 'links lead'}"
        return f"{many} elsewhere" if found else ""
