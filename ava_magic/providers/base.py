"""The contract of a provider: a class with one async generator.

A provider yields ``str`` for content.  For what is not content it may yield one of the small values below; a class that
yields only ``str`` is a full provider, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self, cast

from ..connection import Connection
from ..conversation.exchanges import Message

__all__ = [
    "Again",
    "AsyncGeneratorProvider",
    "Delta",
    "FinishReason",
    "Message",
    "ModelName",
    "Reasoning",
    "Refusal",
    "Request",
    "Usage",
    "hang_up",
]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """``text`` of the model's thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """``text`` of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The ``counts`` of tokens that the endpoint reports, by its own names."""

    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FinishReason:
    """The endpoint's word for the ``reason`` why the reply ended, such as ``"stop"``."""

    reason: str


@dataclass(frozen=True, slots=True)
class ModelName:
    """The ``name`` of the model that answers, as the endpoint gives it."""

    name: str


@dataclass(frozen=True, slots=True)
class Again:
    """What came so far does not fit what was asked for, for this ``reason``: another answer follows in its place.

    No provider yields this, but what asks one for data (:mod:`ava_magic.answers.structured`).
    """

    reason: str


Delta = str | Reasoning | Refusal | Usage | FinishReason | ModelName | Again


class Request(NamedTuple):
    """What a provider sends: the ``url``, and the ``body`` as it is before it becomes JSON."""

    url: str
    body: dict[str, Any]


class AsyncGeneratorProvider:
    """Base class of the providers here; nobody else's need it.

    ``url`` names the service for people, ``working`` says whether its public address answers, and ``takes_images``
    whether the content of a message may be a list of parts, images among them; where it may not it is a string.
    ``takes_response_format``: whether a request may have the field of that name, for a reply of a given shape.
    A provider with a classmethod ``request(model, messages, **kwargs)``, which gives the :class:`Request` that it would
    send, can be previewed to the byte.
    """

    url: ClassVar[str] = ""
    working: ClassVar[bool] = True
    supports_gpt_35_turbo: ClassVar[bool] = False
    takes_images: ClassVar[bool] = False
    takes_response_format: ClassVar[bool] = False
    connection: ClassVar[Connection] = Connection()

    @classmethod
    def at(cls, connection: Connection) -> type[Self]:
        """This provider with another ``connection``."""
        return cast("type[Self]", type(cls.__name__, (cls,), {"connection": connection}))

    @classmethod
    def create_async_generator(cls, model: str, messages: list[Message], **kwargs: Any) -> AsyncIterator[Delta]:
        """Ask ``model`` with ``messages``; yield the reply as it comes.

        ``kwargs`` are fields of the request, such as ``temperature``.  Raises what the endpoint's client raises; see
        :class:`~ava_magic.AvaError` for how that reaches the user.
        """
        raise NotImplementedError

    @classmethod
    async def create_async(cls, model: str, messages: list[Message], **kwargs: Any) -> str:
        """The whole content of the reply, joined.

        ``model`` and ``messages`` are those of :meth:`create_async_generator`, and so is what is raised: aiohttp's
        ``ClientError`` or :class:`~ava_magic.AvaError` by the providers here.
        """
        deltas = cls.create_async_generator(model, messages, **kwargs)
        try:
            return "".join([delta async for delta in deltas if isinstance(delta, str)])
        finally:
            await hang_up(deltas)


async def hang_up(deltas: AsyncIterator[Delta]) -> None:
    """Close the ``deltas`` of a provider, so that its connection ends now; a plug-in's may be no generator."""
    close = getattr(deltas, "aclose", None)
    if close is not None:
        await close()
