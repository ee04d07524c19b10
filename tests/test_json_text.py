"""JSON found in what a model wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic.answers.json_text import json_values

FOUND = [
    ('{"a": 1}', {"a": 1}),
    (" \n[1, 2]\n ", [1, 2]),
    ("\ufeff{}", {}),
    ("\ufeff3\n", 3),
    ("3", 3),
    ("null", None),
    ('"words"', "words"),
    ('Sure!\n\n```json\n{"a": 1}\n```\nHope that helps.', {"a": 1}),
    ('```\n{"a": 1}\n```', {"a": 1}),
    ('~~~JSON\n{"a": 1}', {"a": 1}),  # cut before its fence was closed
    ('1. so:\n   ```json\n   {"a": 1}\n   ```', {"a": 1}),
    ('```python\n[]\n```\n```json\n{"a": 1}\n```', {"a": 1}),  # a fence that says so comes first
    ('Here {it} is: {"a": {"b": [1]}}, and not {"c": 2}.', {"a": {"b": [1]}}),
    ('{"a": "two\nlines"}', {"a": "two\nlines"}),
    ("[1, 2", None),
    ("{'a': 1}", None),
    ("NaN", None),
    ('{"a": Infinity}', None),
    ("none here, not {one}", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "value"), FOUND)
def test_the_likeliest_value_is_found_first(text: str, value: Any) -> None:
    assert next(json_values(text), None) == value


def test_values_in_prose_come_longest_first_and_each_once() -> None:
    assert list(json_values('a {"b": 1}, [{"c": 2}, 3] and {}')) == [[{"c": 2}, 3], {"b": 1}, {}]


@pytest.mark.parametrize("text", ['[{"a": [1]}]', '"```json\\n[1]\\n```"'])
def test_where_all_of_a_text_is_json_it_is_the_only_value(text: str) -> None:
    assert list(json_values(text)) == [json.loads(text)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_is_found_alone_and_in_a_fence(value: Any) -> None:
    for indent in (None, 2):
        text = json.dumps(value, indent=indent)
        assert next(json_values(text)) == value
        assert next(json_values(f"So:\n````json\n{text}\n````\nthat.")) == value


@given(st.lists(VALUES, min_size=1) | st.dictionaries(st.text(), VALUES, min_size=1))
def test_an_object_or_array_is_found_in_prose(value: Any) -> None:
    assert next(json_values(f"I say {json.dumps(value)}, no less.")) == value


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a":' * 10**5, '{"a": "' + '{"' * 10**6, "{" * 10**6, "[1," * 10**6])
def test_what_looks_like_json_and_is_none_is_given_up(text: str) -> None:
    assert list(json_values(text)) == []
