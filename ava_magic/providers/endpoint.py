"""What a question goes to: a provider, ours or anybody's, with all that is known of it.  Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..connection import Key
from .base import Request
from .shape import Ask, ask_of

__all__ = ["Endpoint", "endpoint_of"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers.

    ``name`` is the provider's or preset's, ``ask`` its async generator function, ``url`` where it is (``""`` for a
    provider without an address), ``key`` what it is sent, ``key_name`` the variable that a key for it comes from,
    ``why`` says in a few words how it was chosen, ``hint`` is added to its errors.  ``takes_images``,
    ``takes_response_format`` and ``request`` are what :class:`~ava_magic.AsyncGeneratorProvider` says of them,
    ``request`` ``None`` for a provider without one, and ``list_models`` fetches the names of its models, ``None`` where
    it has no list.
    """

    name: str
    ask: Ask
    url: str = ""
    key: Key | None = None
    key_name: str = ""
    why: str = ""
    hint: str = ""
    takes_images: bool = False
    takes_response_format: bool = False
    request: Callable[..., Request] | None = None
    list_models: Callable[[], Awaitable[list[str]]] | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """The endpoint in a sentence: its host, or its name where it has none."""
        return urlsplit(self.url).netloc.rpartition("@")[2] or self.name

    @property
    def address(self) -> str:
        """The URL to show and to write down: less its query, in which a key may stand."""
        return self.url.partition("?")[0]


def endpoint_of(name: str, provider: Any, url: str = "", **about: Any) -> Endpoint:
    """A provider, ours or a plug-in's, as the endpoint ``name`` at ``url``; ``about`` are its further fields.

    Raises :class:`AvaError` (``config``) where it does not have the shape of one.
    """
    ask = ask_of(provider, name)
    takes: dict[str, Any] = {
        flag: getattr(provider, flag, False) is True for flag in ("takes_images", "takes_response_format")
    }
    request: Callable[..., Request] | None = getattr(provider, "request", None)
    return Endpoint(name, ask, url, request=request if callable(request) else None, **takes, **about)
