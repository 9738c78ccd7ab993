"""How the console looks: dark, light, blue and orange for who sees no red and green, no colour, the terminal's own."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

from ..settings import THEMES as NAMES

TEXT_STYLES = (
    "foreground", "foreground-muted", "text-muted", "text-success", "text-warning", "text-error", "text-accent",
)  # fmt: skip
"""What text is written in; each is to be legible on each of GROUNDS."""
GROUNDS = ("background", "surface", "panel")


def _theme(
    name: str, *, ground: str, box: str, bar: str, text: str, muted: str, line: str,
    good: str, warn: str, bad: str, accent: str, cursor: str, on_cursor: str, dark: bool,
) -> Theme:  # fmt: skip
    """A theme whose colours of text are just these, not mixed by anybody."""
    return Theme(
        name=name,
        primary=line,
        secondary=line,
        accent=accent,
        success=good,
        warning=warn,
        error=bad,
        foreground=text,
        background=ground,
        surface=box,
        panel=bar,
        boost=bar,
        dark=dark,
        variables={
            "text": text,
            "text-muted": muted,
            "foreground-muted": muted,
            "text-success": good,
            "text-warning": warn,
            "text-error": bad,
            "text-accent": accent,
            "block-cursor-foreground": on_cursor,
            "block-cursor-background": cursor,
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-foreground": on_cursor,
            "block-cursor-blurred-background": cursor,
            "input-selection-background": cursor,
            "input-selection-foreground": on_cursor,
            "screen-selection-background": cursor,
            "screen-selection-foreground": on_cursor,
            "scrollbar": line,
            "scrollbar-background": ground,
            "scrollbar-corner-color": ground,
            "border": line,
            "border-blurred": line,
        },
    )


def _terminal(name: str, *, colours: Mapping[str, str]) -> Theme:
    """A theme of the sixteen colours that the terminal itself has, on its own ground."""
    plain = "ansi_default"
    shown = {word: colours.get(word, plain) for word in ("good", "warn", "bad", "accent", "line")}
    return Theme(
        name=name,
        primary=shown["line"],
        secondary=shown["line"],
        accent=shown["accent"],
        success=shown["good"],
        warning=shown["warn"],
        error=shown["bad"],
        foreground=plain,
        background=plain,
        surface=plain,
        panel=plain,
        boost=plain,
        ansi=True,
        variables={
            "text-muted": plain,
            "foreground-muted": plain,
            "block-cursor-foreground": plain,
            "block-cursor-background": plain,
            "block-cursor-text-style": "bold reverse",
            "block-cursor-blurred-foreground": plain,
            "block-cursor-blurred-background": plain,
            "block-cursor-blurred-text-style": "bold reverse",
            "block-hover-background": plain,
            "ansi-background": "ansi_black",
            "ansi-foreground": "ansi_white",
            "input-cursor-text-style": "reverse",
            "input-selection-background": plain,
            "input-selection-foreground": plain,
            "screen-selection-background": plain,
            "screen-selection-foreground": plain,
            "scrollbar": shown["line"],
            "scrollbar-hover": shown["line"],
            "scrollbar-active": shown["line"],
            "scrollbar-background": plain,
            "scrollbar-background-hover": plain,
            "scrollbar-background-active": plain,
            "scrollbar-corner-color": plain,
            "border": shown["line"],
            "border-blurred": shown["line"],
        },
    )


_ALL = (
    _theme("dark", dark=True, ground="#12161c", box="#1a2029", bar="#212936", text="#dbe1ea", muted="#9ca8ba",
           line="#4f6f9f", good="#7fd492", warn="#ecc566", bad="#ff8a87", accent="#79bdff",
           cursor="#24507f", on_cursor="#ffffff"),
    _theme("light", dark=False, ground="#fbfbf9", box="#f2f2ee", bar="#e9e9e3", text="#1c2127", muted="#535c68",
           line="#6d87ad", good="#17642b", warn="#7a4a00", bad="#ac1c14", accent="#0b4f9c",
           cursor="#0b4f9c", on_cursor="#ffffff"),
    _theme("safe", dark=True, ground="#12161c", box="#1a2029", bar="#212936", text="#dbe1ea", muted="#9ca8ba",
           line="#4f6f9f", good="#6fc1f5", warn="#f3e79b", bad="#ffa041", accent="#b9c6ff",
           cursor="#24507f", on_cursor="#ffffff"),
    _theme("safe-light", dark=False, ground="#fbfbf9", box="#f2f2ee", bar="#e9e9e3", text="#1c2127", muted="#535c68",
           line="#6d87ad", good="#00578c", warn="#6b5300", bad="#a33b00", accent="#3c3f9e",
           cursor="#0b4f9c", on_cursor="#ffffff"),
    _terminal("plain", colours={}),
    _terminal("terminal", colours={"good": "ansi_green", "warn": "ansi_yellow", "bad": "ansi_red",
                                   "accent": "ansi_cyan", "line": "ansi_blue"}),
)  # fmt: skip
THEMES: dict[str, Theme] = {theme.name: theme for theme in _ALL}
assert tuple(THEMES) == NAMES
WORDS = {
    "dark": "dark",
    "light": "light",
    "safe": "dark, blue and orange in place of green and red",
    "safe-light": "light, blue and orange in place of green and red",
    "plain": "no colour: signs and words alone",
    "terminal": "the terminal's own sixteen colours",
}


def fitting(color_system: str | None) -> str:
    """The theme where none is set: the terminal's own where it has sixteen colours."""
    return "terminal" if color_system in (None, "standard") else "dark"


def following(name: str) -> str:
    """The theme after this one, round and round."""
    return NAMES[(NAMES.index(name) + 1) % len(NAMES)] if name in NAMES else NAMES[0]
