"""Thinking and answer in one stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic import Chat
from ava_magic.reasoning import ThinkSplitter


def split(pieces: list[str]) -> tuple[str, str]:
    splitter = ThinkSplitter()
    parts = [splitter.feed(piece) for piece in pieces] + [splitter.finish()]
    return "".join(thought for thought, _ in parts), "".join(answer for _, answer in parts)


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>hm</think>yes", "hm", "yes"),
        ("\n<think>\nhm\n</think>\n\nyes", "\nhm\n", "yes"),
        ("no thought <think>here</think>", "", "no thought <think>here</think>"),
        ("<think>never closed", "never closed", ""),
        ("<think>nearly closed</thin", "nearly closed</thin", ""),
        ("<think>", "", ""),
        ("<think></think>yes", "", "yes"),
        ("<think>hm</think>\n\nyes\n\nno", "hm", "yes\n\nno"),
        ("<thin", "", "<thin"),
        ("", "", ""),
        ("  ", "", "  "),
        ("<think>a < b </ c</think>d", "a < b </ c", "d"),
    ],
)
def test_only_a_thought_at_the_very_start_is_one(text: str, thought: str, answer: str) -> None:
    assert split([text]) == split(list(text)) == (thought, answer)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "</", "a", " ", "\n", "b < c"])))
def test_every_cut_ends_in_the_same_words(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert split([text]) == split(list(text)) == split(pieces)


def test_nothing_is_held_back_but_what_may_be_half_a_tag() -> None:
    splitter = ThinkSplitter()
    pieces = ["<thi", "nk>", "so", " it <", "is</", "think>\n", "\n", "42", "\n<"]
    told = [("", ""), ("", ""), ("so", ""), (" it ", ""), ("<is", ""), ("", ""), ("", ""), ("", "42"), ("", "\n<")]
    assert [splitter.feed(piece) for piece in pieces] == told


async def test_a_thought_in_the_content_is_reasoning_not_reply() -> None:
    async def thinks(model: str, messages: list[object], **kwargs: object):  # type: ignore[no-untyped-def]  # as users write it
        for piece in ("<thi", "nk>let me", " see</th", "ink>", "42"):
            yield piece

    chat = Chat(provider=thinks)
    reply = await chat.ask("hi")
    assert (reply.text, reply.reasoning) == ("42", "let me see")
    assert chat.conversation[0].reply == "42"
    assert "<details>" in reply._repr_mimebundle_()["text/html"]
