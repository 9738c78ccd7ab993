"""Every text of every theme can be read, in 256 colours too; where there are fewer, the terminal's own are used."""

from __future__ import annotations

import itertools

import pytest
from rich.color import Color, ColorSystem

from fsjob_tui.console.themes import GROUNDS, TEXT_STYLES, THEMES, fitting, following

LEAST = 4.5
"""The ratio of brightness that WCAG asks of text."""
OWN = [theme for theme in THEMES.values() if not theme.ansi]
DEPTHS = {"true colour": ColorSystem.TRUECOLOR, "256 colours": ColorSystem.EIGHT_BIT}


def brightness(colour: str, depth: ColorSystem) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = map(linear, Color.parse(colour.lower()).downgrade(depth).get_truecolor())
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str, depth: ColorSystem) -> float:
    darker, lighter = sorted((brightness(one, depth), brightness(other, depth)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_text_can_be_read(theme: object, depth: str) -> None:
    colours = theme.to_color_system().generate()  # type: ignore[attr-defined]
    pairs = [*itertools.product(TEXT_STYLES, GROUNDS), ("block-cursor-foreground", "block-cursor-background"),
             ("background", "foreground")]  # fmt: skip
    ratios = {(text, ground): contrast(colours[text], colours[ground], DEPTHS[depth]) for text, ground in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < LEAST} == {}


def test_the_measure_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff", ColorSystem.TRUECOLOR) == pytest.approx(21)
    assert contrast("#777777", "#ffffff", ColorSystem.TRUECOLOR) == pytest.approx(4.48, abs=0.01)


def test_blue_and_orange_take_the_place_of_green_and_red() -> None:
    for name in ("safe", "safe-light"):
        good, bad = (Color.parse(colour or "").get_truecolor() for colour in (THEMES[name].success, THEMES[name].error))
        assert good.blue > good.red and bad.red > bad.blue, "told apart by blue and yellow, which nearly everybody sees"


def test_what_fits_the_terminal() -> None:
    told = [fitting(system) for system in ("truecolor", "256", "standard", None)]
    assert told == ["dark", "dark", "terminal", "terminal"]


def test_one_key_goes_through_all_of_them() -> None:
    seen = list(itertools.accumulate(range(len(THEMES)), lambda name, _: following(name), initial="dark"))
    assert sorted(seen[:-1]) == sorted(THEMES) and seen[-1] == "dark"
