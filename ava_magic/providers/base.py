"""The contract of a provider: a class with one async generator.

A provider yields ``str`` for content.  For what is not content it may yield one of the small values below; a class that
yields only ``str`` is a full provider, whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, cast

from ..conversation import Message
from ..errors import AvaError

__all__ = [
    "AsyncGeneratorProvider",
    "Connection",
    "Delta",
    "FinishReason",
    "Key",
    "ModelName",
    "Reasoning",
    "Refusal",
    "Usage",
    "hang_up",
    "without_keys",
]

_LIKE_A_KEY = re.compile(r"\b(sk|pk|rk|gsk|xai|AIza)[-_]?[\w*-]{6,}")
_Provider = TypeVar("_Provider", bound="type[AsyncGeneratorProvider]")


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Text of the model's thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Text of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The token counts that the endpoint reports, by its own names."""

    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FinishReason:
    """The endpoint's word for why the reply ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class ModelName:
    """The model that answers, as the endpoint names it."""

    name: str


Delta = str | Reasoning | Refusal | Usage | FinishReason | ModelName


class Key:
    """A secret that no ``repr``, traceback, pickle or log shows; :meth:`reveal` is for the transport alone.

    ``name`` says where it comes from, for messages.  Raises :class:`~ava_magic.AvaError` (``config``) for a value that
    no header can carry.
    """

    __slots__ = ("_reveal", "name")

    def __init__(self, secret: str, name: str = "the key") -> None:
        if not (secret.isascii() and secret.isprintable()) or " " in secret:
            raise AvaError(f"{name} holds a space, a line break or another character that no key has", "config")
        self.name = name
        self._reveal: Callable[[], str] = lambda: secret

    def reveal(self) -> str:
        """The secret itself."""
        return self._reveal()

    def __repr__(self) -> str:
        return f"<Key {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a key is not pickled")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an endpoint.

    Attributes:
        base_url: where it is; ``""`` for the provider's own default.
        key: sent as a bearer token, to this base URL alone.
        connect_timeout: seconds to wait for a connection.
        idle_timeout: seconds of silence after which a reply counts as dead.  There is no limit on the whole.
        retries: how often a request may be repeated before its first byte has come.
        limit: bytes of a reply, after decompression, above which it is cut off.
        on_wait: told ``(reason, seconds)`` before each wait for a retry.
    """

    base_url: str = ""
    key: Key | None = None
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    retries: int = 2
    limit: int = 16 * 1024 * 1024
    on_wait: Callable[[str, float], None] | None = field(default=None, repr=False, compare=False)


class AsyncGeneratorProvider:
    """Base class of the providers here; nobody else's need it.

    ``url`` names the service for people, ``working`` says whether its public address answers.
    """

    url: ClassVar[str] = ""
    working: ClassVar[bool] = True
    supports_gpt_35_turbo: ClassVar[bool] = False
    connection: ClassVar[Connection] = Connection()

    @classmethod
    def at(cls: _Provider, connection: Connection) -> _Provider:
        """This provider with another ``connection``."""
        return cast("_Provider", type(cls.__name__, (cls,), {"connection": connection}))

    @classmethod
    def create_async_generator(cls, model: str, messages: list[Message], **kwargs: Any) -> AsyncIterator[Delta]:
        """Ask ``model`` with ``messages``; yield the reply as it comes.

        ``kwargs`` are fields of the request, such as ``temperature``.  Raises what the endpoint's client raises; see
        :class:`~ava_magic.AvaError` for how that reaches the user.
        """
        raise NotImplementedError

    @classmethod
    async def create_async(cls, model: str, messages: list[Message], **kwargs: Any) -> str:
        """The whole content of the reply, joined."""
        deltas = cls.create_async_generator(model, messages, **kwargs)
        try:
            return "".join([delta async for delta in deltas if isinstance(delta, str)])
        finally:
            await hang_up(deltas)


async def hang_up(deltas: AsyncIterator[Delta]) -> None:
    """Close what a provider returned, so that its connection ends now; a plug-in's may be no generator."""
    close = getattr(deltas, "aclose", None)
    if close is not None:
        await close()


def without_keys(text: str, key: Key | None) -> str:
    """``text`` less ``key``, and less what looks like one: services quote parts of it in their errors."""
    if key is not None:
        text = text.replace(key.reveal(), "\u2026")
    return _LIKE_A_KEY.sub("\\1-\u2026", text)
