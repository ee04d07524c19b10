"""The names that users write: pinned, and each told with its parameters, its units and what it raises."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import pytest

PUBLIC = {
    "ava_magic": [
        *("AsyncGeneratorProvider", "AvaError", "Chat", "CodeLinkAva", "Conversation", "Replies", "Reply"),
        *("__version__", "ask_each", "load_ipython_extension", "unload_ipython_extension"),
    ],
    "ava_magic.conversation": ["Anchor", "Conversation", "Exchange", "Message"],
    "ava_magic.errors": ["AvaError", "Kind", "NotRecorded", "Stopped", "StoppedTask", "raise_alone"],
    "ava_magic.providers.base": [
        *("Again", "AsyncGeneratorProvider", "Delta", "FinishReason", "Message", "ModelName", "Reasoning", "Refusal"),
        *("Request", "Usage", "hang_up"),
    ],
    "ava_magic.testing": ["cassette"],
}
MEASURED = {
    **{"timeout": "seconds", "reasoning_seconds": "seconds", "at": "seconds"},
    **{"max_tokens": "tokens", "context_tokens": "tokens", "retries": "how often", "concurrency": "at once"},
    "counts": "tokens",
}
RAISE = {
    *("Chat", "Chat.begin", "Chat.run", "Chat.stream", "Chat.ask", "Chat.finish", "ask_each", "Replies.to_dataframe"),
    *("AsyncGeneratorProvider.create_async_generator", "AsyncGeneratorProvider.create_async", "CodeLinkAva"),
    *("CodeLinkAva.create_async_generator", "Conversation.from_openai"),
}
PASSED_ON = {
    "self",
    "cls",
    "args",
    "kwargs",
    "include",
    "exclude",
    "shell",
    "request",
    "monkeypatch",
}  # others give them


class Told(NamedTuple):
    """A public name, what it takes, and what it says of itself."""

    name: str
    value: Any
    takes: set[str]
    words: str


def told() -> Iterator[Told]:
    for module, names in PUBLIC.items():
        for name in names:
            value = getattr(importlib.import_module(module), name)
            if inspect.isclass(value):
                yield from of_class(name, value)
            elif callable(value) and inspect.getdoc(value):
                yield Told(name, value, parameters(value), inspect.getdoc(value) or "")


def of_class(name: str, value: type) -> Iterator[Told]:
    takes = {field.name for field in fields(value)} if is_dataclass(value) else parameters(value)
    yield Told(name, value, takes, " ".join([value.__doc__ or "", vars(value).get("__init__").__doc__ or ""]))
    for base in value.__mro__:
        for key, member in vars(base).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            is_ours = inspect.isfunction(function) and function.__module__.startswith("ava_magic")
            if is_ours and not key.startswith("_"):
                yield Told(f"{name}.{key}", function, parameters(function), inspect.getdoc(function) or "")


def parameters(function: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(function).parameters) - PASSED_ON
    except ValueError:
        return set()


TOLD = {each.name: each for each in reversed(list(told()))}  # what a class has of its own comes first


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_these_and_no_others(module: str) -> None:
    assert sorted(importlib.import_module(module).__all__) == sorted(PUBLIC[module])


@pytest.mark.parametrize("each", TOLD.values(), ids=list(TOLD))
def test_a_public_name_says_what_it_is_and_names_what_it_takes(each: Told) -> None:
    assert len(each.words.split()) >= 3
    assert {name for name in each.takes if not re.search(rf"\b{name}\b", each.words)} == set()


@pytest.mark.parametrize("each", [each for each in TOLD.values() if each.takes & set(MEASURED)], ids=lambda e: e.name)
def test_what_is_measured_has_a_unit(each: Told) -> None:
    for name in each.takes & set(MEASURED):
        assert MEASURED[name] in re.split(rf"\b{name}\b", each.words, maxsplit=1)[1][:160], name


@pytest.mark.parametrize("name", sorted(RAISE))
def test_a_public_name_says_what_it_raises(name: str) -> None:
    assert re.search(r"[Rr]aise[sd]? .*(AvaError|Client)|[Rr]aised: .*AvaError", TOLD[name].words, re.DOTALL)


@pytest.mark.parametrize("each", TOLD.values(), ids=list(TOLD))
def test_whatever_raises_by_itself_is_among_those(each: Told) -> None:
    if inspect.isfunction(each.value) and re.search(r"\braise AvaError", inspect.getsource(each.value)):
        assert each.name in RAISE
