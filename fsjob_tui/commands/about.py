"""Commands about the store itself: audit, label."""

from __future__ import annotations

import click

from fsjob_core.operator import Operator

from ..text import safe_text
from .common import Tally, acting, print_json, reading, say, with_store, writing

SHOWN = ("at", "who", "host", "via", "act", "what")


@click.command("audit")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="The last so many lines.")
@with_store
def audit_command(directory: str, as_json: bool, limit: int) -> None:
    """Show what people did here, the latest last: when, who, where, what, and what came of it.

    \b
    Example:
      fsjob audit -n 200 --json | jq 'select(.act == "fulfill")'
    """
    for entry in Operator(reading(directory)).audit(limit):
        if as_json:
            print_json(entry)
            continue
        at, who, host, via, act, what = (str(entry.get(name, "")) for name in SHOWN)
        done = "" if entry.get("done") is True else "not done: "
        say(safe_text(f"{at[:19]}Z  {who}@{host} {via}  {act}  {done}{what}"))


@click.command("label")
@click.argument("name", required=False)
@click.option("--class", "klass", metavar="CLASS", help="Such as staging or test; prod, in any case, is guarded.")
@writing
@with_store
def label_command(directory: str, as_json: bool, name: str | None, klass: str | None, write: bool) -> None:
    """Give the store a NAME and a class; show them where neither is given. An empty text takes one away.

    \b
    Example:
      fsjob label 'thumbnails' --class prod
    """
    if name is not None or klass is not None:
        tally = Tally(as_json)
        tally.one("", lambda: acting(directory, write).label(name, klass))
        tally.end()
    label = reading(directory).views.label()
    if as_json:
        print_json({"name": label.name, "class": label.klass, "guarded": label.guarded})
    else:
        say(safe_text(f"the store {label.told}"))
