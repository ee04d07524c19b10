"""What is painted while a reply streams: large blocks settle inside themselves, half-open Markdown is shown whole."""

from __future__ import annotations

import html
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ava_magic.controls import visible
from ava_magic.markdown.blocks import Blocks, block_parser
from ava_magic.markdown.html import to_html
from ava_magic.markdown.inert import inert_source
from ava_magic.markdown.unfinished import mend
from ava_magic.views.ending import put_together
from ava_magic.views.fresh import Fresh


def _words(markup: str) -> list[str]:
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).split()


def _stream(text: str, step: int, largest: int) -> list[str]:
    """The HTML of each part as a view makes it: settled where it can be, split where it has grown too large."""
    blocks = Blocks()
    parts: list[str] = []
    for start in range(0, len(text), step):
        parts.append(blocks.feed(text[start : start + step]))
        if len(blocks.tail) > largest:
            parts.append(blocks.split(start))
    assert blocks.settled + len(blocks.tail) >= len(text)
    parts.append(blocks.finish())
    assert blocks.settled == len(text)
    return [to_html(part) for part in parts if part]


_CODE = "```python\n" + "".join(f"line_{n} = {n}\n" for n in range(80)) + "```\n\nAfter it.\n"
_LIST = "".join(f"- item {n}\n" for n in range(80)) + "\nAfter it.\n"
_LINE = " ".join(f"word{n}" for n in range(150))
_ROWS = "".join(f"| r{n} | {n} |\n" for n in range(200))


@pytest.mark.parametrize("text", [_CODE, _LIST, _LINE, _LINE.replace(" ", "\n")], ids=["code", "list", "line", "lines"])
@pytest.mark.parametrize("step", [1, 7, 60, 1_000])
def test_a_large_block_settles_inside_itself_and_no_word_is_lost(text: str, step: int) -> None:
    parts = _stream(text, step, 200)
    assert len(parts) > 2 or step == 1_000
    assert _words(" ".join(parts)) == _words(to_html(text))


def test_a_large_table_goes_on_under_its_header() -> None:
    parts = _stream("| name | n |\n|---|---|\n" + _ROWS, 60, 400)
    assert len(parts) > 2
    assert all(">name</th>" in part for part in parts)
    rows = [word for word in _words(" ".join(parts)) if word.startswith("r")]
    assert rows == [f"r{n}" for n in range(200)]


def test_a_split_never_moves_what_was_shown() -> None:
    blocks = Blocks()
    blocks.feed("word " * 100)
    shown = 500
    blocks.feed("more and more")
    blocks.split(shown)
    assert blocks.settled >= shown


def test_where_there_is_no_place_to_split_nothing_is() -> None:
    blocks = Blocks()
    blocks.feed("x" * 1_000)
    assert blocks.split(900) == ""
    assert blocks.tail == "x" * 1_000


@settings(deadline=None)
@given(st.text(alphabet="a`*_[]()|-#~$\n >x1.", max_size=80), st.integers(1, 9))
def test_any_text_in_any_cut_is_settled_whole(text: str, step: int) -> None:
    blocks = Blocks()
    settled = "".join(blocks.feed(text[start : start + step]) for start in range(0, len(text), step))
    assert settled + blocks.finish() == text


@pytest.mark.parametrize(
    ("tail", "shown"),
    [
        ("**bol", "<p><strong>bol</strong></p>"),
        ("a *b **c", "<p>a <em>b <strong>c</strong></em></p>"),
        ("a ~~b", "<p>a <s>b</s></p>"),
        ("a `b", "<p>a <code>b</code></p>"),
        ("see [the do", "<p>see the do</p>"),
        ("see [the docs](https://exa", "<p>see the docs</p>"),
        ("```py\nx = ", None),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("snake_case_name", "<p>snake_case_name</p>"),
        ("done **bold** and", "<p>done <strong>bold</strong> and</p>"),
    ],
)
def test_a_half_open_construct_is_shown_as_what_it_will_be(tail: str, shown: str | None) -> None:
    assert to_html(mend(tail)).strip() == (to_html(tail).strip() if shown is None else shown)


@pytest.mark.parametrize("tail", ["| a | b |", "| a | b |\n", "| a | b |\n|--", "| a | b |\n|---|---|\n| 1"])
def test_a_table_is_one_from_its_first_row(tail: str) -> None:
    assert ">a</th>" in to_html(mend(tail))


@pytest.mark.parametrize("tail", ["words\n-", "words\n=", "words\n#"])
def test_a_sign_that_may_become_anything_waits_for_what_follows(tail: str) -> None:
    assert to_html(mend(tail)).startswith("<p>words</p>")


@settings(deadline=None)
@given(st.text(alphabet="a`*_[]()|-#~$\\\n >x1.!", max_size=60))
def test_no_word_of_a_tail_is_hidden(text: str) -> None:
    assume(not re.search("```|~~~", text))  # behind these stands the name of a language
    shown = "".join(_words(to_html(mend(text))))
    for word in re.findall(r"[ax]{2,}", re.sub(r"\]\([^()\s]*$", "", text)):
        assert word in shown


def _turn(pieces: list[str]) -> Any:
    return SimpleNamespace(pieces=pieces, settings=SimpleNamespace(format="markdown"))


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab\r\n ", max_size=9), max_size=9), st.integers(1, 9))
def test_frames_that_take_only_so_much_take_everything_in_the_end(pieces: list[str], most: int) -> None:
    fresh = Fresh(_turn(pieces))
    frames, taken = [], []
    while not fresh.is_all_read:
        frames.append(fresh.read(most))
        taken.append(fresh.taken)
        assert len(frames[-1]) <= most + 1  # the CR that may be half a line's end
    text = "".join(pieces)
    assert "".join(frames) == "".join(taken) == visible(text.removesuffix("\r"))


def test_a_frame_leaves_what_it_has_no_time_for() -> None:
    fresh = Fresh(_turn(["word " * 100_000]))
    with fresh.frame() as text:
        assert 0 < len(text) < 10_000
    assert not fresh.is_all_read


def test_what_was_stopped_is_put_together_with_no_word_lost_or_torn() -> None:
    text = "Some **bold** words and `code`.\n\n" * 1_000
    fresh, blocks = Fresh(_turn([text])), Blocks()
    painted = to_html(blocks.feed(fresh.read(777)))
    markup = put_together(painted, blocks, fresh)
    assert _words(re.sub("[*`]", "", markup)) == _words(to_html(text))


def test_markdown_that_is_not_looked_at_is_one_block_of_code() -> None:
    source = "a <b>\n````\n![x](http://x.com)\n"
    assert [token.type for token in block_parser().parse(inert_source(source))] == ["fence"]
