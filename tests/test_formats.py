"""A conversation as JSON and as Markdown: there and back, edited by a person, damaged, and not ours at all."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic import AvaError
from ava_magic.conversation.conversation import Conversation
from ava_magic.conversation.exchanges import Anchor, Exchange
from ava_magic.conversation.formats import from_json, from_markdown, is_conversation, to_json, to_markdown

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
FULL = Exchange(
    prompt="what?",
    reply="that",
    anchor=Anchor("cell-1", "run-1", 7),
    partial=True,
    model="m <1> --> \u00b7 x",
    provider="p",
    at=1_760_000_000.25,
    counts=(12, 34),
    aside=True,
)
words = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1)
tricky = st.sampled_from(
    [
        "## You",
        "## Reply",
        "\\## You",
        "## Reply \u00b7 x <!-- {} -->",
        "<!-- ava_magic conversation, format 1 -->",
        "```",
        "```py",
        "~~~",
        "    ",
        "",
    ]
)
texts = st.lists(st.one_of(words, tricky), min_size=1).map("\n".join).filter(str.strip)
exchanges = st.builds(
    Exchange,
    prompt=texts,
    reply=texts,
    anchor=st.builds(Anchor, st.none() | words.map(lambda text: text[:300]), words.map(lambda text: text[:300])),
    partial=st.booleans(),
    model=st.none() | words.map(lambda text: text[:300]),
    at=st.floats(0, 2e9).map(lambda at: round(at, 6)),
    counts=st.none() | st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)),
    aside=st.booleans(),
)


@given(st.lists(exchanges))
def test_json_gives_back_all_that_went_in(turns: list[Exchange]) -> None:
    assert from_json(to_json(Conversation(turns))) == turns


@given(st.lists(exchanges))
def test_markdown_gives_back_all_but_the_white_space_around_a_text(turns: list[Exchange]) -> None:
    again = from_markdown(to_markdown(Conversation(turns)))
    assert [each.anchor for each in again] == [each.anchor for each in turns]
    assert [each.prompt.strip() for each in again] == [each.prompt.strip() for each in turns]
    assert [each.reply.strip() for each in again] == [each.reply.strip() for each in turns]
    once_more = from_markdown(to_markdown(Conversation(again)))
    assert once_more == again


def test_everything_that_is_known_of_a_turn_is_kept_in_both() -> None:
    conversation = Conversation([FULL, Exchange("plain", "words")])
    assert from_json(to_json(conversation)) == from_markdown(to_markdown(conversation)) == list(conversation)
    assert from_json(to_json(conversation))[0].anchor.number == 7


def test_an_image_is_kept_in_json_and_named_in_markdown() -> None:
    conversation = Conversation([Exchange([{"type": "text", "text": "see "}, IMAGE], "a cat")])
    assert from_json(to_json(conversation)) == list(conversation)
    assert from_markdown(to_markdown(conversation))[0].prompt == "see [image]"


def test_half_a_surrogate_pair_does_not_hinder_saving() -> None:
    conversation = Conversation([Exchange("half \ud83d", "half \ud83d")])
    assert from_json(to_json(conversation)) == list(conversation)
    to_json(conversation).encode()
    to_markdown(conversation).encode()


def test_json_holds_openais_messages_one_to_a_line() -> None:
    text = to_json(Conversation([Exchange("what?", "that")], name="review"))
    data = json.loads(text)
    assert data["messages"] == [{"role": "user", "content": "what?"}, {"role": "assistant", "content": "that"}]
    assert (data["format"], data["name"]) == (1, "review")
    assert '\n{"role": "user", "content": "what?"},\n' in text


def test_what_this_version_writes_is_read_for_ever() -> None:
    """The files as format 1 has them: never to be changed."""
    json_file = (
        '{"ava_magic": "conversation", "format": 1, "name": "main", "messages": [{"role": "user", "content": "q"}, '
        '{"role": "assistant", "content": "a"}], "turns": [{"cell": "c", "run": "r", "number": 3, "model": "m", '
        '"provider": "p", "at": 1.5, "tokens": [2, 3], "partial": true, "aside": true}]}'
    )
    markdown_file = (
        "<!-- ava_magic conversation, format 1 -->\n\n## You\n\nq\n\n"
        '## Reply \u00b7 m <!-- {"cell": "c", "run": "r", "number": 3, "model": "m", "provider": "p", "at": 1.5, '
        '"tokens": [2, 3], "partial": true, "aside": true} -->\n\na\n'
    )
    expected = [Exchange("q", "a", Anchor("c", "r", 3), True, "m", "p", 1.5, (2, 3), aside=True)]
    assert from_json(json_file) == from_markdown(markdown_file) == expected


class TestEdited:
    """A Markdown file that a person worked on."""

    FILE = to_markdown(Conversation([Exchange("one", "first", Anchor("A", "1")), Exchange("two", "second")]))

    def test_words_may_be_changed(self) -> None:
        again = from_markdown(self.FILE.replace("first", "better\n\n- list\n\n## a heading"))
        assert again[0].reply == "better\n\n- list\n\n## a heading"
        assert again[0].anchor == Anchor("A", "1")

    def test_a_turn_may_be_added_by_hand(self) -> None:
        again = from_markdown(self.FILE + "\n## You\nthree\n## Reply\nthird\n")
        assert [each.prompt for each in again] == ["one", "two", "three"]
        assert again[2].anchor == Anchor()

    def test_a_turn_may_be_deleted(self) -> None:
        start, end = self.FILE.index("## You"), self.FILE.rindex("## You")
        assert [each.prompt for each in from_markdown(self.FILE[:start] + self.FILE[end:])] == ["two"]

    def test_comments_may_be_deleted(self) -> None:
        bare = "\n".join(line.partition(" <!-- {")[0] for line in self.FILE.split("\n"))
        assert [(each.prompt, each.anchor) for each in from_markdown(bare)] == [("one", Anchor()), ("two", Anchor())]

    def test_another_editors_line_ends_and_mark_do_no_harm(self) -> None:
        windows = self.FILE.replace("\n", "\r\n")
        assert from_markdown(windows) == from_markdown(self.FILE)

    def test_notes_above_the_first_turn_are_no_turn(self) -> None:
        first, _, rest = self.FILE.partition("\n")
        assert len(from_markdown(f"{first}\n# My notes\n\nfor later\n{rest}")) == 2

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (("## Reply", "## Other"), "line 11: a question and its reply must take turns"),
            (("first", ""), "line 7: there is nothing under this heading"),
            (('"cell"', "cell"), "line 7: Expecting property name"),
            (('"A"', "[1]"), "line 7: cell is not a name"),
            (("format 1", "format 2"), "line 1: it has format 2"),
            (("<!-- ava_magic", "<!-- mine"), "its first line does not say so"),
        ],
    )
    def test_damage_is_told_with_its_line(self, change: tuple[str, str], line: str) -> None:
        with pytest.raises(AvaError) as caught:
            from_markdown(self.FILE.replace(*change, 1))
        assert line in str(caught.value)
        assert caught.value.kind == "config"

    def test_a_question_at_the_end_needs_its_reply(self) -> None:
        with pytest.raises(AvaError, match="the last question has no reply"):
            from_markdown(self.FILE + "\n## You\nthree\n")


def damaged(**changes: Any) -> str:
    data = json.loads(to_json(Conversation([FULL])))
    turn = {"turns": [data["turns"][0] | changes.pop("turn")]} if "turn" in changes else {}
    return json.dumps(data | turn | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"messages": []}',
        "[" * 100_000,
        '{"ava_magic": "conversation", "format": ' + "9" * 5_000 + "}",
        damaged(ava_magic="cassette"),
        damaged(format="1"),
        damaged(format=2),
        damaged(turns=[]),
        damaged(turns=["x"]),
        damaged(messages=[{"role": "user", "content": "x"}] * 2),
        damaged(messages=["x", "y"]),
        damaged(messages=[{"role": "user", "content": ""}, {"role": "assistant", "content": "x"}]),
        damaged(messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": ""}]),
        damaged(messages=[{"role": "user", "content": [{"type": "text"}]}, {"role": "assistant", "content": "x"}]),
        damaged(turn={"at": "now"}),
        damaged(turn={"at": float("nan")}),
        damaged(turn={"at": 1e300}),
        damaged(turn={"at": True}),
        damaged(turn={"model": 5}),
        damaged(turn={"run": "x" * 301}),
        damaged(turn={"partial": 1}),
        damaged(turn={"tokens": [1]}),
        damaged(turn={"tokens": [1, -1]}),
        damaged(turn={"number": 1.5}),
    ],
)
def test_json_that_is_damaged_or_foreign_is_one_line(text: str) -> None:
    with pytest.raises(AvaError) as caught:
        from_json(text)
    assert caught.value.kind == "config"
    assert len(str(caught.value).splitlines()) == 1


def test_an_image_that_somebody_would_have_to_fetch_is_refused() -> None:
    remote = [{"type": "image_url", "image_url": {"url": "https://example.invalid/pixel.png"}}]
    with pytest.raises(AvaError, match="neither text nor image"):
        from_json(damaged(messages=[{"role": "user", "content": remote}, {"role": "assistant", "content": "x"}]))


@given(st.text(), st.integers(0, 400), st.integers(0, 40))
def test_a_file_with_a_piece_exchanged_is_read_or_refused(piece: str, start: int, length: int) -> None:
    for write, read in ((to_json, from_json), (to_markdown, from_markdown)):
        text = write(Conversation([FULL, Exchange("a", "b")]))
        with suppress(AvaError):  # and no other error
            read(text[:start] + piece + text[start + length :])


@pytest.mark.parametrize("write", [to_json, to_markdown])
def test_ours_are_known_by_their_beginning(write: Any) -> None:
    assert is_conversation(write(Conversation([FULL]))[:200])
    assert not is_conversation("# README\n")
    assert not is_conversation("how it looks:\n" + write(Conversation([FULL])))
    assert not is_conversation('{"cells": []}')
    assert not is_conversation("")


HEAD = "<!-- ava_magic conversation, format 1 -->\n\n## You\n\nhow?\n\n## Reply <!-- {} -->\n\n"


@pytest.mark.parametrize(
    "block",
    [
        "```markdown\n## You\n\nhi\n```",
        "~~~~\n## You\n\n~~~\n```\n~~~~",
        "```\n## You\n\nhi\n\n## Reply\n\nho\n```",
        "```\n## Reply\n```",
        "   ```\n## Reply \u00b7 x\n````",
        "```\n```py\n## You\n\nhi\n\n## Reply\n```",
    ],
)
def test_a_heading_in_a_block_of_code_is_none(block: str) -> None:
    (turn,) = turns = from_markdown(f"{HEAD}like this:\n\n{block}\n\nand so on")
    assert turn.reply == f"like this:\n\n{block}\n\nand so on"
    assert from_markdown(to_markdown(Conversation(turns))) == turns


@pytest.mark.parametrize("line", ["see ## You", "  ## Reply", "### You", "\\see ## You", "#"])
def test_a_line_that_only_mentions_a_heading_is_written_as_it_is(line: str) -> None:
    turns = [Exchange("what?", f"first\n{line}\nlast")]
    text = to_markdown(Conversation(turns))
    assert f"\n{line}\n" in text
    assert from_markdown(text) == turns


@pytest.mark.parametrize("question", ["```\ny\n```", "~~~", "```", "```\n## You\n\n```", "a\n\n```py\n"])
def test_a_block_that_was_never_closed_hides_no_turn(question: str) -> None:
    turns = [Exchange("how?", "so:\n```py\nx = 1"), Exchange(question, "```\nz"), Exchange("and", question)]
    again = from_markdown(to_markdown(Conversation(turns)))
    assert [(turn.prompt, turn.reply) for turn in again] == [(t.prompt.rstrip(), t.reply.rstrip()) for t in turns]
