"""A reply, and the ways it shows itself."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from ava_magic import Reply


def test_a_reply_reads_as_its_text() -> None:
    assert str(Reply("hello\nworld")) == "hello\nworld"
    assert f"{Reply('hello')}" == "hello"


def test_a_reply_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Reply("hello").text = "other"  # type: ignore[misc]  # it is frozen


def test_a_reply_can_be_counted_and_looked_up() -> None:
    """As pandas does with what stands in a column, and a cache with an argument."""
    asked: dict[str, Any] = {
        "messages": ({"role": "user", "content": "hi"},),
        "usage": {"completion_tokens": 1},
        "data": {"a": [1]},
    }
    reply = Reply("hello", **asked)
    assert {reply, Reply("hello", **asked), Reply("hello")} == {reply, Reply("hello")}


def test_a_bare_reply_claims_nothing() -> None:
    reply = Reply("hello")
    assert (reply.model, reply.finish_reason, reply.usage, reply.data) == (None, None, None, None)
    assert (reply.provider, reply.endpoint, reply.reasoning, reply.refusal, reply.messages) == ("", "", "", "", ())
    assert (reply.partial, reply.seconds) == (False, 0.0)


@pytest.mark.parametrize(
    ("about", "footer"),
    [
        ({}, "0.0 s"),
        ({"provider": "openai"}, "openai \u00b7 0.0 s"),
        ({"provider": "openai", "model": "m"}, "openai \u00b7 m \u00b7 0.0 s"),
        ({"model": "m", "seconds": 1.26}, "m \u00b7 1.3 s"),
        ({"endpoint": "http://127.0.0.1:1/v1"}, "http://127.0.0.1:1/v1 \u00b7 0.0 s"),
        ({"usage": {"completion_tokens": 1234, "prompt_tokens": 5}}, "0.0 s \u00b7 1,234 tokens"),
        ({"usage": {"completion_tokens": None}}, "0.0 s"),
        ({"usage": {"completion_tokens": "12"}}, "0.0 s"),
        ({"usage": {"completion_tokens": True}}, "0.0 s"),
        ({"usage": {"completion_tokens": -5}}, "0.0 s"),
        ({"usage": {}}, "0.0 s"),
        ({"finish_reason": "stop"}, "0.0 s"),
        ({"finish_reason": "length"}, "0.0 s \u00b7 cut at the token limit"),
        ({"finish_reason": "content_filter"}, "0.0 s \u00b7 cut by the endpoint's content filter"),
        ({"partial": True, "notes": ("stopped before its end",)}, "0.0 s \u00b7 stopped before its end"),
        (
            {"notes": ("{x} 12 characters", "2 earlier turns left out")},
            "0.0 s \u00b7 {x} 12 characters \u00b7 2 earlier turns left out",
        ),
    ],
)
def test_the_footer_says_what_answered_and_what_a_reader_should_know(about: dict[str, Any], footer: str) -> None:
    assert Reply("hello", **about).footer() == footer


def test_the_repr_tells_of_the_text_without_showing_it() -> None:
    reply = Reply("x" * 12_345, provider="openai", model="m", notes=("a note",))
    assert repr(reply) == "<Reply of 12,345 characters from openai \u00b7 m \u00b7 0.0 s \u00b7 a note>"


@pytest.mark.parametrize("name", ["\x1b]0;title\x07", "two\nlines", "\u202eflipped", "half \ud83d"])
def test_the_repr_is_one_visible_line_whatever_the_model_calls_itself(name: str) -> None:
    shown = repr(Reply("hello", model=name))
    assert shown.isprintable()
    assert shown.encode()


def test_a_reply_shows_itself_in_three_forms_none_of_which_is_obeyed() -> None:
    forms = Reply("# Hi\n<script>alert(1)</script>\x1b[2J ![x](http://x.y/z.png)")._repr_mimebundle_()
    assert set(forms) == {"text/plain", "text/markdown", "text/html"}
    assert forms["text/plain"].startswith("# Hi\n<script>alert(1)</script>\u241b[2J")
    assert "<h1>Hi</h1>" in forms["text/html"]
    for form in ("text/markdown", "text/html"):
        assert "<script" not in forms[form]
        assert "<img" not in forms[form]
        assert "\x1b" not in forms[form]


def test_a_reply_can_be_pickled() -> None:
    reply = Reply("hello", ({"role": "user", "content": "hi"},), model="m", usage={"total_tokens": 3})
    assert pickle.loads(pickle.dumps(reply)) == reply


def test_a_refusal_is_shown_below_the_text_as_the_words_that_it_is() -> None:
    bundle = Reply("So far.", refusal="I <b>cannot</b> do that", notes=("refused",))._repr_mimebundle_()
    assert bundle["text/plain"] == "So far.\n\nI <b>cannot</b> do that\n\n[0.0 s \u00b7 refused]"
    assert "I &lt;b&gt;cannot&lt;/b&gt; do that" in bundle["text/html"]
    assert "So far.\n\nI " in bundle["text/markdown"]
    assert "<b>" not in bundle["text/markdown"]
    assert Reply("", refusal="No")._repr_mimebundle_()["text/markdown"].strip() == "No"


def test_a_reply_is_formatted_as_its_text() -> None:
    assert f"{Reply('yes'):>5}|{Reply('yes'):.1}|{Reply('yes')}" == "  yes|y|yes"
