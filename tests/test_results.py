"""A result as a line of JSON, and what is read of it again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ava_magic import AvaError
from ava_magic.many.items import Row
from ava_magic.many.results import Head, begins_like_a_line, digest, head_of, reply_in, to_line
from ava_magic.reply import Reply

HEAD = Head("3f#2", "a0", failed=False)
SENT = ({"role": "user", "content": "hi"},)
START = b'{"ava_magic": 1, "key": "'


def written(item: Any = "hi", head: Head = HEAD, **fields: Any) -> bytes:
    return to_line(head, 7, item, Reply(**{"text": "yes", "messages": SENT, **fields}))


def test_a_line_begins_with_what_finds_it_again() -> None:
    line = written()
    assert line.startswith(START + b'3f#2", "request": "a0", "failed": false, "position": 7, "item": "hi", ')
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        **{"ava_magic": 1, "key": "3f#2", "request": "a0", "failed": False, "position": 7, "item": "hi"},
        **{"error": None, "text": "yes"},
    }


def test_a_reply_comes_back_with_all_that_was_told_of_it() -> None:
    told: dict[str, Any] = {
        "text": "\u00e4\n",
        "model": "m",
        "provider": "p",
        "endpoint": "http://e",
        "finish_reason": "stop",
    }
    told |= {
        "usage": {"total_tokens": 3},
        "reasoning": "why",
        "reasoning_seconds": 1.5,
        "refusal": "no",
        "seconds": 2.5,
    }
    line = written(**told, notes=("a note of that run",))
    assert reply_in(line, SENT) == Reply(**told, messages=SENT, notes=("from the file",))
    assert "\u00e4".encode() in line, "a person can read it"


def test_an_empty_reply_comes_back_empty() -> None:
    line = written(text="")
    assert "text" not in json.loads(line)
    assert reply_in(line, SENT) == Reply("", messages=SENT, notes=("from the file",))


def test_why_an_item_failed_stands_in_its_line() -> None:
    line = written(head=Head("3f", "a0", failed=True), error=AvaError("too many", "rate_limit"))
    assert json.loads(line)["error"] == {"kind": "rate_limit", "message": "too many"}
    assert head_of(line) == Head("3f", "a0", failed=True)


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        (Row({"items": 1, "keys": 2}), {"items": 1, "keys": 2}),
        ([1, None], [1, None]),
        ({"a": object}, "{'a': <class 'object'>}"),
        (b"x" * 3_000, "b'" + "x" * 1_998),
        (float("nan"), float("nan")),
    ],
    ids=["row with the names of methods", "list", "no JSON", "long", "nan"],
)
def test_an_item_is_kept_as_json_can_say_it(item: Any, kept: Any) -> None:
    assert repr(json.loads(written(item))["item"]) == repr(kept)


def test_an_item_without_an_end_is_kept_in_words() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert json.loads(written(endless))["item"] == "[[...]]"
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "RecursionError" in json.loads(written(deep))["item"]


def test_an_item_that_was_not_sent_is_not_written() -> None:
    assert json.loads(written("a secret", messages=()))["item"] is None


def test_half_a_character_is_written_by_its_number() -> None:
    line = written(text="\ud83d!")
    assert b"\\ud83d!" in line
    assert reply_in(line, SENT).text == "\ud83d!"


def test_what_json_cannot_say_of_a_reply_is_written_in_words() -> None:
    for text in ("yes", "\ud83d"):
        assert json.loads(written(text=text, usage={"odd": 1j}))["usage"] == {"odd": "1j"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"ava_magic": 1, "key": "3f", "request": "a0", "failed": true, "position": 0}',
        b'{"ava_magic": 1, "key": "3f", "request": "a0", "failed": true, "position": 0}\n',
        b'{"ava_magic": 1, "key": "3f", "request": "a0", "failed": true, "position": 0}\r\n',
    ],
)
def test_a_line_is_known_by_its_head_whatever_ends_it(line: bytes) -> None:
    assert head_of(line) == Head("3f", "a0", failed=True)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b'{"key": "3f"}\n',
        b'{"ava_magic": 2, "key": "3f", "request": "a0", "failed": true, "position": 0}\n',
        b'{"ava_magic": 1, "key": "xy", "request": "a0", "failed": true, "position": 0}\n',
        b'{"ava_magic": 1, "key": "3f", "request": "a0", "failed": 1, "position": 0}\n',
        b'{"ava_magic": 1, "key": "3f", "request": "a0", "failed": true, "position": 0\n',
        b'{"ava_magic": 1, "key": "3f", "request": "a0", "failed": true, "item": {"a": 1}',
        b' {"ava_magic": 1, "key": "3f", "request": "a0", "failed": true, "position": 0}\n',
    ],
)
def test_what_is_no_whole_line_of_ours_has_no_head(line: bytes) -> None:
    assert head_of(line) is None


def test_every_beginning_of_a_line_is_known_for_one() -> None:
    line = written()
    for end in range(1, len(line)):
        assert begins_like_a_line(line[:end], is_first=True), line[:end]
        assert begins_like_a_line(line[:end] + b"\0" * 5, is_first=False)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("piece", [b"x", b"{}", b'{"ava_magic": 2', b"\0{", b" {"])
def test_what_is_something_else_is_no_beginning(piece: bytes, is_first: bool) -> None:
    assert not begins_like_a_line(piece, is_first=is_first)


def test_zeros_alone_are_a_beginning_where_lines_of_ours_stand_before() -> None:
    assert begins_like_a_line(b"\0\0", is_first=False)
    assert not begins_like_a_line(b"\0\0", is_first=True)
    assert begins_like_a_line(b"", is_first=False)


def test_equal_words_have_one_digest_and_others_another() -> None:
    assert digest({"a": 1, "b": [2]}, "x") == digest({"b": [2], "a": 1}, "x")
    assert digest("x", "y") not in (digest("xy"), digest("y", "x"), digest(["x", "y"]))
    assert len(digest(object)) == 32
    assert set(digest("x")) <= set("0123456789abcdef")


@pytest.mark.parametrize("line", [b"", b"{", b'{"text": "a"'])
def test_a_line_that_is_no_json_raises(line: bytes) -> None:
    with pytest.raises(ValueError, match="char"):
        reply_in(line, SENT)
