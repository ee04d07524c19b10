"""What a screen would obey is shown instead."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic.controls import counted, one_line, visible

_EMBEDDINGS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = {"\u200e", "\u200f", "\u061c"}  # they turn the text beside them, without a class of their own


def is_obeyed(character: str) -> bool:
    if character in "\n\t":
        return False
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in _EMBEDDINGS
        or character in _MARKS
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\r\r\n\n", "\n\n\n"),
        ("\x1b[2J", "\u241b[2J"),
        ("\x1b]0;title\x07", "\u241b]0;title\u2407"),
        ("\x00\x08\x7f", "\u2400\u2408\u2421"),
        ("\x9b2J", "\u27e8U+009B\u27e92J"),
        ("\x85", "\u27e8U+0085\u27e9"),
        ("user\u202e nimda", "user\u27e8U+202E\u27e9 nimda"),
        ("a\u2028b", "a\u27e8U+2028\u27e9b"),
        ("\ud83d", "\ufffd"),
        ("\ud800\udfff", "\ufffd\ufffd"),
        ("h\u00e9 \u4e2d \U0001f600 e\u0301 \u05d0", "h\u00e9 \u4e2d \U0001f600 e\u0301 \u05d0"),
    ],
)
def test_a_control_character_becomes_a_visible_stand_in(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_of_all_characters_only_those_that_a_screen_obeys_are_changed() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if is_obeyed(character):
            assert visible(character) != character, hex(code)
            assert not any(map(is_obeyed, visible(character))), hex(code)
        elif not 0xFFF9 <= code <= 0xFFFB:  # interlinear annotation: hidden text, and shown here too
            assert visible(character) == character, hex(code)


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "L", "P"])))
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    assert not any(map(is_obeyed, visible(text)))
    assert visible(visible(text)) == visible(text)
    visible(text).encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one", "one"),
        ("  one\n\n\ttwo \r\n three ", "one two three"),
        ("a\u2028b\x85c\x1dd\x0be", "a b c d e"),
        ("\x1b[31mred", "\u241b[31mred"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "\u2026"),
    ],
)
def test_one_line_is_one_line_of_bounded_length(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(st.characters()), st.integers(1, 40))
def test_one_line_of_any_text_is_one_visible_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not any(map(is_obeyed, line))


@pytest.mark.parametrize(("number", "words"), [(0, "0 turns"), (1, "1 turn"), (2, "2 turns"), (1_000, "1,000 turns")])
def test_a_number_agrees_with_its_noun(number: int, words: str) -> None:
    assert counted(number, "turn") == words
