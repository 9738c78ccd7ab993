"""Text from a store, made safe to show; ages, counts and sizes in few letters."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_ENTRY, _WORD = re.compile(r"(?<=\S)(?:; | · |, | {2,})"), re.compile(r"(?<=\S) ")


@cache
def _suspect() -> re.Pattern[str]:
    """What must be looked at; made when it is first needed, for it takes long to make."""
    return re.compile(r"[^\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u052f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")


def safe_text(text: str, *, lines: bool = False) -> str:
    """`text` with nothing in it that acts on a terminal or hides: controls, escape sequences, bidi, zero width.

    Each such character becomes a visible sign. With `lines` line feeds stay and tabs become spaces.
    """
    if text.isascii() and text.isprintable():
        return text
    return _suspect().sub(_visible_in_lines if lines else _visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    category = unicodedata.category(character)
    if category in _HIDDEN:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    if category == "Mn" and 0xFE00 <= code <= 0xFE0F:  # variation selectors change widths unseen
        return ""
    return " " if category == "Zs" else character


def _visible_in_lines(match: re.Match[str]) -> str:
    character = match.group()
    if character == "\n":
        return character
    return "    " if character == "\t" else _visible(match)


def same_width(text: str) -> str:
    """The same with one sign for each character: for editors, which count columns."""
    return _suspect().sub(lambda match: visible if len(visible := _visible(match)) == 1 else "\ufffd", text)


def editable_json(value: object) -> str:
    """JSON in lines, for an editor: what would act on a terminal, or hide there, stands as an escape of JSON."""
    return _suspect().sub(_escaped, json.dumps(value, indent=2, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    hidden = unicodedata.category(character) in _HIDDEN or 0xFE00 <= ord(character) <= 0xFE0F
    return json.dumps(character)[1:-1] if hidden and character != "\n" else character


def safe_bytes(data: bytes, *, lines: bool = False) -> str:
    """Bytes as text where they are UTF-8 (a cut character at the end is left out), else as hexadecimal."""
    try:
        return safe_text(data.decode("utf-8"), lines=lines)
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 and error.start > 0:
            return safe_text(data[: error.start].decode("utf-8"), lines=lines)
        return data.hex(" ")


def short_age(seconds: float) -> str:
    """An age in one word: "2 s", "41 min", "3 h", "12 d", "2 y"."""
    seconds = max(seconds, 0.0)
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h"), (63_072_000, 86_400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // 31_536_000)} y"


def short_count(number: int) -> str:
    """A count in at most four signs: 999, 1.2k, 98k, 1.2M."""
    if number < 1000:
        return str(number)
    for limit, unit, sign in ((1_000_000, 1000, "k"), (1_000_000_000, 1_000_000, "M"), (10**15, 10**9, "G")):
        if number < limit:
            scaled = number / unit
            return f"{scaled:.1f}{sign}" if scaled < 9.95 else f"{int(scaled)}{sign}"
    return "many"


def short_seconds(seconds: float) -> str:
    """How long something took: "12 ms", "3.0 s", "4 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else short_age(seconds)


def short_size(size: int) -> str:
    """A size in decimal units: "112 B", "1.2 kB", "3.0 GB"."""
    scaled = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if scaled < 1000 or unit == "TB":
            return f"{int(scaled)} B" if unit == "B" else f"{scaled:.1f} {unit}"
        scaled /= 1000
    raise AssertionError


def short_id(job_id: str, width: int) -> str:
    """An id cut in its middle, so that both its ends can be compared."""
    if len(job_id) <= width:
        return job_id
    head = width // 2
    tail = width - 1 - head
    return f"{job_id[:head]}…{job_id[len(job_id) - tail :]}"


def cut(text: str, width: int) -> str:
    """`text` in at most so many cells: whole entries, as many as fit; where not even one does, whole words."""
    from rich.cells import cell_len, set_cell_size  # the shell's commands do without

    if cell_len(text) <= width:
        return text
    for ends in (_ENTRY, _WORD):
        fits = [end.start() for end in ends.finditer(text) if cell_len(text[: end.start()]) <= width - 2]
        if fits:
            return f"{text[: fits[-1]]} …"
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"
