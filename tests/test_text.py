from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsjob_tui.text import cut, safe_bytes, safe_text, short_age, short_count, short_id, short_size


@given(st.text(alphabet=st.characters()))
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    for character in safe_text(text):
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), repr(character)


@given(st.binary(max_size=80))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    shown = safe_bytes(data)
    assert "\x1b" not in shown and "\n" not in shown


def test_what_is_harmless_stays_as_it_is() -> None:
    for text in ("plain", "Grüße", "日本語", "[/x] [bold]", '{"a": "b"}', "→ ▲ ×", "кириллица"):
        assert safe_text(text) == text


def test_lines_stay_where_they_are_wanted() -> None:
    assert safe_text("a\n\tb\x1b", lines=True) == "a\n    b␛"
    assert safe_text("a\nb") == "a␊b"


def test_a_character_that_was_cut_is_left_out() -> None:
    assert safe_bytes("grüß".encode()[:-1]) == "grü"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (172_800, "2 d"), (1e9, "31 y")]
)
def test_ages(seconds: float, words: str) -> None:
    assert short_age(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (1204, "1.2k"), (98_113, "98k"), (999_999, "999k"), (1_200_000, "1.2M")],
)
def test_counts_take_four_signs(number: int, words: str) -> None:
    assert short_count(number) == words and len(words) <= 4


def test_sizes_and_ids() -> None:
    assert (short_size(112), short_size(1200), short_size(3_000_000_000)) == ("112 B", "1.2 kB", "3.0 GB")
    assert short_id("1k10fpnzygbavvy724km", 13) == "1k10fp…y724km"
    assert short_id("short", 13) == "short"
    assert [short_id("abcdef", width) for width in (1, 2, 3, 4)] == ["…", "a…", "a…f", "ab…f"]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, "stalled: none yet; 3 locks; 2 parked"),
        (35, "stalled: none yet; 3 locks …"),
        (28, "stalled: none yet; 3 locks …"),
        (27, "stalled: none yet …"),
        (18, "stalled: none …"),
        (4, "sta…"),
    ],
)
def test_what_is_too_long_loses_whole_entries_then_whole_words(width: int, shown: str) -> None:
    assert cut("stalled: none yet; 3 locks; 2 parked", width) == shown
