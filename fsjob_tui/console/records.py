"""What is looked at and taken along: the audit log, rows into a file, what is masked, who is to be told."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fsjob_core.facts import VIEWS
from fsjob_core.journal import Outcome, read_audit
from fsjob_core.masking import masked
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord, Json
from fsjob_core.store import JobStore

from ..text import safe_text, short_size
from .saying import target_word
from .screens.dialogs import Ask
from .screens.editors import Edited
from .screens.records import AuditLog, Path, TargetEditor
from .targets import Target

if TYPE_CHECKING:
    from .screens.main import MainScreen

AUDITED = 1000
"""Lines of the audit log that are shown."""
SHOWN = ("at", "who", "host", "via", "act", "id", "what")


def show_audit(screen: MainScreen) -> None:
    """What people did here, the latest first."""

    def read(store: JobStore) -> list[str]:
        return [audit_line(entry) for entry in reversed(Operator(store, via="console").audit(AUDITED))]

    shell = screen.acts.shell("audit", "-n", str(AUDITED)).removesuffix(" --write")
    screen.acts.look(read, lambda lines: screen.app.push_screen(AuditLog(lines, shell)))


def audit_line(entry: dict[str, object]) -> str:
    """A line of the audit log for people."""
    at, who, host, via, act, job_id, what = (str(entry.get(name, "")) for name in SHOWN)
    done = "" if entry.get("done") is True else "not done: "
    about = "" if job_id in what else f"{job_id} "
    return safe_text(f"{at[:19]}Z {who}@{host} {via} {act}: {about}{done}{what}")


def acts_on(store: JobStore, job_id: str) -> list[str]:
    """What people did to one job, the latest last."""
    entries = (entry for entry in read_audit(store.ground.disk, store.layout) if entry.get("id") == job_id)
    return [audit_line(entry) for entry in deque(entries, maxlen=AUDITED)]


# ── what is masked ──


def unmask(screen: MainScreen) -> None:
    """Show what is masked of the job that is shown, after an audit line; or mask it again."""
    job_id = screen.shown_job() or ""
    if screen.unmasked == job_id:
        screen.unmasked = None
        screen.refresh_around()
        return

    def show(masks: bool) -> None:
        if masks and screen.shown_job() == job_id:
            screen.unmasked = job_id
            screen.refresh_around()
        elif not masks:
            screen.tell("nothing is masked in it")

    screen.acts.look(lambda store: audited_look(store, job_id, screen.settings.masked_words)[1], show)


def audited_look(store: JobStore, job_id: str, more: Sequence[str]) -> tuple[JobRecord, bool]:
    """A job, and whether something of its request is masked elsewhere: that it was seen is then audited."""
    record = store.get(job_id)
    masks = masked(record.request, more) != record.request
    if masks:
        Operator(store, via="console").unmask(job_id)
    return record, masks


# ── export ──


def export(screen: MainScreen) -> None:
    """The rows of the view that the filter leaves, or the marked ones, as they are now."""
    view, model, table = screen.view, screen.model, screen.table
    keys = [table.source.key(index) for index in range(len(table.source))]
    if table.marked:
        keys = [key for key in keys if key in table.marked]
    ids = list(dict.fromkeys(target.id for key in keys for target in view.targets_of(model, key)))
    if not ids:
        screen.tell("no row here is a job", wrong=True)
        return
    since = model.rows[view.read_as].since if view.read_as in model.rows else lambda job_id: None
    whole = view.name in VIEWS and not (table.marked or model.narrowed.text)
    which = "the marked ones" if table.marked else "those that match" if model.narrowed.text else "those shown here"
    listed = screen.acts.shell("ls", view.name, "--json").removesuffix(" --write") if whole else ""
    lines = [f"{len(ids):,} jobs: {'all' if whole else which}.", "A file that exists is not overwritten unasked."]
    choices = {"i": "ids, a line each", "j": "JSON lines", "c": "ids to the clipboard"}

    def asked(answer: str | None) -> None:
        if answer == "c":
            screen.copy("\n".join(ids), f"{len(ids):,} ids")
        elif answer is not None:
            as_json = answer == "j"
            made = [json.dumps({"id": job_id, "since": since(job_id)}) if as_json else job_id for job_id in ids]
            name = f"{view.name}.{'ndjson' if as_json else 'ids'}"
            then = f"{listed}{'' if as_json else ' | jq -r .id'} > FILE" if listed else ""
            _ask_for_file(screen, made, name, then)

    screen.app.push_screen(Ask("EXPORT", lines, choices, shell=listed), asked)


def _ask_for_file(screen: MainScreen, lines: list[str], name: str, shell: str) -> None:
    def named(path: str | None) -> None:
        if path:
            _write(screen, lines, os.path.expanduser(path), shell, over=False)

    screen.app.push_screen(Path(f"EXPORT {len(lines):,} LINES", name, shell), named)


def _write(screen: MainScreen, lines: list[str], path: str, shell: str, *, over: bool) -> None:
    def write() -> Outcome:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        try:
            with open(path, "wb" if over else "xb") as file:
                file.write(data)
        except FileExistsError:
            screen.app.call_from_thread(ask)
            return Outcome(False, f"{path} exists; it was left as it is")
        return Outcome(True, f"{len(lines):,} lines, {short_size(len(data))}, are in {path}")

    def ask() -> None:
        again = Ask("IT EXISTS", [path, "Overwrite it?"], {"y": "overwrites it"})
        screen.app.push_screen(again, lambda answer: _write(screen, lines, path, shell, over=True) if answer else None)

    screen.acts.call(shell.replace("FILE", path), write)


# ── who is to be told ──


def notify(screen: MainScreen, target: Target) -> None:
    """Have somebody told of a job's value, or not any more."""

    def read(store: JobStore) -> list[Json]:
        return store.get(target.id).waiting

    def shell(edited: Edited) -> str:
        word = target_word(edited.value, screen.settings.masked_words)
        return screen.acts.shell("unqueue" if edited.takes_off else "queue", target.id, word)

    def edit(waiting: list[Json]) -> None:
        words = screen.settings.masked_words
        editor = TargetEditor(target.id, [masked(one, words) for one in waiting], shell)
        screen.app.push_screen(editor, lambda edited: act(edited) if edited is not None else None)

    def act(edited: Edited) -> None:
        def do(operator: Operator) -> Outcome:
            if edited.takes_off:
                return operator.unqueue(target.id, edited.value)
            return operator.queue(target.id, edited.value)

        screen.acts.do(shell(edited), do)

    screen.acts.look(read, edit)


def copy_request(screen: MainScreen, job_id: str) -> None:
    """Copy a request as it is; where something of it is masked on the screen, that is audited."""

    def read(store: JobStore) -> str:
        return json.dumps(audited_look(store, job_id, screen.settings.masked_words)[0].request, ensure_ascii=False)

    screen.acts.look(read, lambda text: screen.copy(text, "the request"))


