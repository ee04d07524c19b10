"""Tokens: the endpoint's count where it reports one that can be, the estimate where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic.conversation.tokens import estimate_tokens, how_to_shorten, is_about_length, own_tokens, reported

HELLO = [{"role": "user", "content": "x" * 400}]  # estimated as 104 tokens
LONG = [{"role": "system", "content": "x" * 784}, *HELLO]  # 200 more


@pytest.mark.parametrize(
    ("usage", "messages", "thoughts", "counts"),
    [
        (None, HELLO, "", (104, 104)),
        ({}, HELLO, "", (104, 104)),
        ({"prompt_tokens": 208, "completion_tokens": 52}, HELLO, "", (208, 52)),
        ({"prompt_tokens": 608}, LONG, "", (208, 104)),  # its share of all that was sent
        ({"completion_tokens": 208}, HELLO, "x" * 400, (104, 104)),  # the thinking was counted in
        ({"completion_tokens": 130, "completion_tokens_details": {"reasoning_tokens": 100}}, HELLO, "", (104, 30)),
        ({"completion_tokens": 52, "completion_tokens_details": None}, HELLO, "", (104, 52)),
    ],
)
def test_question_and_reply_get_their_share_of_what_was_reported(
    usage: Any, messages: list[Any], thoughts: str, counts: tuple[int, int]
) -> None:
    assert own_tokens(usage, messages, "x" * 400, thoughts) == counts


@pytest.mark.parametrize("count", [0, -5, True, 1.5, "12", None, 10**12, [], {}])
def test_what_can_be_no_count_is_none(count: Any) -> None:
    assert reported({"prompt_tokens": count}, "prompt_tokens") is None


@given(st.integers(1, 10**8), st.text(max_size=50), st.text(max_size=50))
def test_no_report_takes_the_estimate_further_than_four_times(count: int, question: str, reply: str) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count}
    counts = own_tokens(usage, [{"role": "user", "content": question}], reply, "")
    for found, estimate in zip(counts, (estimate_tokens(question), estimate_tokens(reply)), strict=True):
        assert max(1, estimate // 4) <= found <= 4 * estimate


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        "context_length_exceeded",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
        "the request exceeds the available context size. try increasing the context size",
        "Please reduce the length of the messages or completion.",
        "Your input exceeds the context window of this model.",
        "Input is too long for requested model.",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    ],
)
def test_what_services_say_of_a_prompt_that_is_too_long_is_understood(message: str) -> None:
    assert is_about_length(message)


@pytest.mark.parametrize("message", ["", "no such model", "max_tokens must be above 0", "invalid length of key"])
def test_other_errors_are_not_taken_for_it(message: str) -> None:
    assert not is_about_length(message)


def test_what_to_do_about_it_depends_on_whether_there_is_a_conversation() -> None:
    assert how_to_shorten(2, 8_192) == "shorten the question, or ask another model with -m"
    assert "less of the conversation (context_tokens, it is 8,192 now)" in how_to_shorten(3, 8_192)
