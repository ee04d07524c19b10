"""A cassette as text: what goes in comes out, a person can read it, and no key stands in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic.cassette.entry import Entry, Request, dump, parse
from ava_magic.cassette.nearest import difference, nearest
from ava_magic.errors import AvaError
from ava_magic.providers.base import Again, Delta, FinishReason, ModelName, Reasoning, Refusal, Usage

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
DELTAS: st.SearchStrategy[Delta] = st.one_of(
    TEXTS,
    st.sampled_from(["\ud83d", "\ude00", "a\ud83d", "\ude00b"]),  # halves of a pair, as a plug-in may yield them
    st.builds(Reasoning, TEXTS),
    st.builds(Refusal, TEXTS),
    st.builds(Usage, st.dictionaries(TEXTS, JSON, max_size=3)),
    st.builds(FinishReason, TEXTS),
    st.builds(ModelName, TEXTS),
)
HI = [{"role": "user", "content": "hi"}]


@dataclass
class ToolCall:
    """What a plug-in may yield beside the deltas that are known here."""

    name: str


def request(*turns: str, **fields: Any) -> Request:
    """A request of the user's and the model's words by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[number % 2], "content": words} for number, words in enumerate(turns)]
    return Request.of("", messages, fields)


def test_an_error_is_the_same_request_under_every_python() -> None:
    asked = [
        request(
            f"Why?\n\nThis is the last error:\n\n  In[1], line 1\n    f(x)\n{carets}E: x\n\nVersions: Python {versions}"
        )
        for carets, versions in (("    ~^^^\n", "3.13.0"), ("    ^^^^\n", "3.12.1, numpy 2.1"), ("", "3.11.7"))
    ]
    assert asked[0] == asked[1] == asked[2]
    assert asked[0].messages[-1]["content"].endswith("    f(x)\nE: x\n\nVersions: \u2026")
    text = "A heading\n    ^^^^\nVersions: Python 3.13.0"
    assert request(text).messages[-1]["content"] == text  # where no error is told, it is what the user says


@given(st.lists(DELTAS, max_size=12), TEXTS, st.dictionaries(TEXTS, JSON, max_size=3), JSON)
def test_any_entry_is_read_as_it_was_written(deltas: list[Delta], model: str, fields: Any, content: Any) -> None:
    messages = [{"role": "user", "content": content}]
    entry = Entry(Request.of(model, messages, fields), deltas, "openai", "http://h/v1", 1.5, 0.5, True, ("api", "no"))
    text = dump([entry, entry])
    assert text.count("\n") == len(text.splitlines()) == 2  # no text in it ends a line, by anybody's rules
    for again in parse(text):
        assert list(again.deltas) == deltas
        assert again.request == entry.request
        for name in ("provider", "url", "seconds", "thought_for", "stopped", "error"):
            assert getattr(again, name) == getattr(entry, name)


def test_a_reply_is_whole_text_in_one_order_of_fields() -> None:
    deltas: list[Delta] = [
        ModelName("m-1"),
        Reasoning("h"),
        Reasoning("m"),
        "The ",
        "änswer",
        Usage({"completion_tokens": 2}),
    ]
    entry = Entry(request("hi", top_p=0.5, seed=1), deltas, "openai", "https://h/v1", 1.25)
    assert entry.line() == (
        '{"provider": "openai", "url": "https://h/v1", "fields": {"seed": 1, "top_p": 0.5}, '
        '"messages": [{"role": "user", "content": "hi"}], "reply": [{"model": "m-1"}, {"reasoning": "hm"}, '
        '"The änswer", {"usage": {"completion_tokens": 2}}], "seconds": 1.25, "cuts": [[1, 1], [4, 6]]}'
    )


def test_a_cassette_of_this_format_stays_readable() -> None:
    line = (
        '{"provider": "openai", "url": "https://h/v1", "model": "m", "fields": {"seed": 1}, '
        '"messages": [{"role": "user", "content": "hi"}], "reply": [{"model": "m-1"}, {"reasoning": "hm"}, "The end", '
        '{"refusal": "no"}, {"again": "no JSON"}, {"usage": {"total_tokens": 2}}, {"finish_reason": "stop"}], '
        '"stopped": true, "error": {"kind": "api", "says": "no"}, "seconds": 1.5, "thought_for": 0.5, '
        '"cuts": [[1, 1], [4, 3], [2]]}'
    )
    [entry] = parse(f"\ufeff{line}\n")
    assert entry.request == Request("m", {"seed": 1}, HI)
    assert entry.deltas == [
        *(ModelName("m-1"), Reasoning("h"), Reasoning("m"), "The ", "end", Refusal("no")),
        *(Again("no JSON"), Usage({"total_tokens": 2}), FinishReason("stop")),
    ]
    told = (entry.provider, entry.url, entry.stopped, entry.error, entry.seconds, entry.thought_for)
    assert told == ("openai", "https://h/v1", True, ("api", "no"), 1.5, 0.5)
    assert entry.line() == entry.source == line


def test_what_is_not_told_in_a_line_is_nothing() -> None:
    [entry] = parse('{"messages": [], "reply": []}')
    told = (entry.provider, entry.url, entry.stopped, entry.error, entry.seconds, entry.thought_for)
    assert told == ("", "", False, None, 0.0, 0.0)
    assert entry.line() == '{"messages": [], "reply": [], "seconds": 0.0}'


def test_a_value_that_only_its_own_plug_in_knows_is_left_out() -> None:
    deltas: Any = ["one", ToolCall("f"), " two", None]
    assert next(iter(parse(Entry(request("hi"), deltas).line()))).deltas == ["one", " two"]


def test_a_reply_that_was_edited_by_hand_comes_whole() -> None:
    line = Entry(request("hi"), ["one", " two"]).line().replace("two", "and a half")
    assert next(iter(parse(line))).deltas == ["one and a half"]


def test_what_a_screen_would_obey_is_escaped() -> None:
    line = Entry(request("\u202egnp.exe \x1b[2J"), ["\u2028\x9b"]).line()
    assert line.isprintable()
    [again] = parse(line)
    assert (again.request.messages[0]["content"], again.deltas) == ("\u202egnp.exe \x1b[2J", ["\u2028\x9b"])


@pytest.mark.parametrize(
    "line",
    [
        *("{}", "[]", "1", "half of a li", "[" * 9999, '{"cells": [], "nbformat": 4}', '{"messages": 1, "reply": []}'),
        *(f'{{"messages": [], "reply": [{item}]}}' for item in ("1", '{"odd": 1}', '{"reasoning": 1}')),
        '{"messages": [], "reply": [], "error": {"kind": "odd", "says": ""}}',
    ],
)
def test_what_is_no_entry_is_told_with_its_line(line: str) -> None:
    with pytest.raises(AvaError, match="line 3 is no entry") as caught:
        list(parse(f"{Entry(request('hi'), []).line()}\n\n{line}\n"))
    assert caught.value.kind == "config"


def test_an_earlier_turn_is_cut_to_its_beginning_and_a_checksum() -> None:
    long = "word " * 100
    messages = [{"role": "system", "content": long}, *HI, {"role": "assistant", "content": long}]
    cut = Request.of("", [*messages, {"role": "user", "content": long}], {}).messages
    assert [message["content"] for message in cut[:2]] == [long, "hi"]
    assert re.fullmatch(rf"{long[:80]}\u2026 \(500 characters, sha256 [0-9a-f]{{12}}\)", cut[2]["content"])
    assert cut[3]["content"] == long
    other = Request.of("", [*messages[:2], {"role": "assistant", "content": long + "!"}, *HI], {}).messages
    assert other[2]["content"] != cut[2]["content"]


def test_earlier_parts_are_cut_as_their_json_is() -> None:
    short, long = ([{"type": "text", "text": "\u00e4" * number}] for number in (5, 500))
    messages = [{"role": "user", "content": parts} for parts in (short, long, long)]
    first, second, question = (message["content"] for message in Request.of("", messages, {}).messages)
    assert (first, question) == (short, long)
    assert second.startswith('[{"type": "text", "text": "\u00e4\u00e4')


def test_an_image_is_cut_too() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    line = Entry(Request.of("", [{"role": "user", "content": [part]}], {}), []).line()
    assert "data:image/png;base64,AAA" in line
    assert len(line) < 400


class TestKeys:
    """No key is in a cassette, wherever it stood."""

    SECRET = "-".join(["opaque", "value", "of", "a", "key"])

    @pytest.mark.parametrize(
        "fields",
        [
            {"api_key": SECRET},
            {"extra_headers": {"Authorization": f"Bearer {SECRET}"}},
            {"extra_headers": [{"X-Api-Key": SECRET}, {"Ocp-Apim-Subscription-Key": SECRET}]},
            {"headers": f"Authorization: Bearer {SECRET}"},
            {"headers": [f"api-key: {SECRET}"]},
            {"cookie": SECRET, "access_token": SECRET, "user": {"password": SECRET}},
        ],
    )
    def test_a_field_that_is_named_or_built_like_a_secret_is_hidden(self, fields: dict[str, Any]) -> None:
        asked = request("hi", **fields)
        assert self.SECRET not in Entry(asked, []).line()
        assert asked == request("hi", **json.loads(json.dumps(fields).replace(self.SECRET, "another")))

    def test_what_stands_around_a_secret_stays(self) -> None:
        fields = {"stop": ["a", {"b": 1}], "headers": [f"api-key: {self.SECRET}", f"Bearer {self.SECRET}"]}
        shown = {"headers": ["api-key: \u2026", "Bearer \u2026"], "stop": ["a", {"b": 1}]}
        assert request("hi", **fields).fields == shown

    def test_a_limit_in_tokens_is_no_secret(self) -> None:
        assert request("hi", max_tokens=5, max_completion_tokens=6).fields == {
            "max_completion_tokens": 6,
            "max_tokens": 5,
        }

    def test_a_known_secret_is_hidden_in_every_text(self) -> None:
        def hide(text: str) -> str:
            return text.replace(self.SECRET, "…")

        messages = [{"role": "user", "content": f"is {self.SECRET} good?"}]
        asked = Request.of("", messages, {self.SECRET: self.SECRET}, hide)
        half, rest = self.SECRET[:7], self.SECRET[7:]
        deltas: list[Delta] = ["yes: ", half, rest, Reasoning(self.SECRET), Usage({"for": self.SECRET})]
        line = Entry(asked, deltas, error=("api", self.SECRET)).line(hide)
        assert self.SECRET not in line
        assert next(iter(parse(line))).deltas[0] == "yes: …"


class TestNearest:
    """What a person is shown when a request is not recorded."""

    def test_the_nearest_has_the_likest_question(self) -> None:
        entries = [Entry(request(words), []) for words in ("What is a list?", "What is a tuple?", "Tell me a joke.")]
        assert nearest(request("What is a tuple, then?"), entries) is entries[1]
        assert nearest(request("Tell us a joke!"), entries) is entries[2]

    def test_the_same_question_after_other_words_is_nearer_than_another_question(self) -> None:
        entries = [Entry(request("hi", "hello", "and?"), []), Entry(request("hi", "good day", "why?"), [])]
        assert nearest(request("hi", "good day", "and?"), entries) is entries[0]

    def test_only_what_differs_is_shown(self) -> None:
        recorded = request("first line\nsecond line", temperature=0.2)
        assert difference(recorded, request("first line\n2nd line", temperature=0.5)) == [
            "  - temperature: 0.2",
            "  + temperature: 0.5",
            "  - user: second line",
            "  + user: 2nd line",
        ]

    def test_a_long_line_is_shown_around_the_place(self) -> None:
        old, new = difference(request("a " * 500 + "old" + " b" * 500), request("a " * 500 + "new" + " b" * 500))
        assert old.startswith("  - user: … a a")
        assert "old b" in old
        assert "new b" in new
        assert max(len(old), len(new)) <= 104

    @given(st.lists(TEXTS, min_size=1, max_size=30), st.lists(TEXTS, min_size=1, max_size=30))
    def test_no_more_than_seven_lines_are_shown(self, old: list[str], new: list[str]) -> None:
        shown = difference(request("\n".join(old)), request("\n".join(new)))
        assert len(shown) <= 7
        assert all(len(line.splitlines()) == 1 for line in shown)

    def test_more_than_that_is_counted(self) -> None:
        shown = difference(request("a\nb\nc\nd\ne"), request("1\n2\n3\n4\n5"))
        assert shown[-1] == "  and 4 more lines"
