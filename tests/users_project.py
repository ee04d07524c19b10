# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""A user's project.  Nothing here runs: strict type checkers read it, beside the sources and beside the wheel.

``assert_type`` says which type a user gets; an ignored line must be an error, since checkers also report what they had
no need to ignore.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, assert_type

import ava_magic
from ava_magic import (
    AsyncGeneratorProvider,
    AvaError,
    Chat,
    CodeLinkAva,
    Conversation,
    Replies,
    Reply,
    ask_each,
)
from ava_magic.conversation import Exchange
from ava_magic.errors import Kind
from ava_magic.providers.base import Delta, FinishReason, Message, Reasoning, Usage


class Shout(AsyncGeneratorProvider):
    """A provider on our base class."""

    url = "https://shout.example"
    takes_images = True

    @classmethod
    async def create_async_generator(
        cls, model: str, messages: list[Message], **kwargs: Any
    ) -> AsyncGenerator[Delta, None]:
        assert_type(cls.connection.base_url, str)
        yield Reasoning("louder")
        yield str(messages[-1]["content"]).upper()
        yield Usage({"completion_tokens": 1})
        yield FinishReason("stop")


class Whisper(AsyncGeneratorProvider):
    """One that yields nothing but text, and takes messages as they come."""

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield str(messages[-1]["content"]).lower()


class Echo:
    """A provider on no base class."""

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
        yield str(messages[-1]["content"])


async def echo(model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[str]:
    """A provider that is a function."""
    yield str(messages[-1]["content"])


@dataclass
class City:
    """The shape of an answer."""

    name: str
    people: int


CHATS = [Chat(provider) for provider in ("guide", Shout, Whisper, Echo, echo)]
MISSPELT = ava_magic.Chatt  # type: ignore[attr-defined]  # it must be told
Chat(timeout="long")  # type: ignore[arg-type]  # and this


async def ask(chat: Chat) -> City:
    reply = await chat.ask("which city?", schema=City, temperature=0.2)
    assert_type(reply, Reply)
    assert_type(reply.text, str)
    assert_type(reply.model, str | None)
    assert_type(reply.seconds, float)
    assert_type(reply.error, AvaError | None)
    assert_type(chat.conversation, Conversation)
    city: City = reply.data
    return city


async def stream(chat: Chat) -> str:
    text = ""
    async with aclosing(chat.stream("hi", history=False)) as deltas:
        async for delta in deltas:
            text += assert_type(delta, str)
    return text


async def each(chat: Chat, words: list[str]) -> Replies:
    replies = Replies([reply async for reply in ask_each(chat, words, "What is {item}?", concurrency=2)], words)
    assert_type(replies[0], Reply)
    assert_type(replies[1:], Replies)
    assert_type(replies.errors, dict[int, AvaError])
    return replies


def look_back(conversation: Conversation) -> list[Message]:
    assert_type(conversation[-1], Exchange)
    assert_type(conversation[1:], Conversation)
    for exchange in conversation:
        assert_type(exchange, Exchange)
        assert_type(exchange.reply, str)
    return conversation.to_openai()


async def or_else(chat: Chat) -> tuple[Kind, Reply | None] | str:
    try:
        return await CodeLinkAva.create_async("", [{"role": "user", "content": "hi"}])
    except AvaError as error:
        return error.kind, error.reply
