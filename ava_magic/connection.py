"""How an endpoint is reached, and what it says when it refuses, with no key in it."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .environment import variable
from .errors import AvaError
from .prompt.leaks import secrets_of

__all__ = ["Connection", "Key", "Origin", "error_text", "origin", "without_keys", "without_known"]

Origin = tuple[str, str, int]
"""Scheme, host and port: what a key belongs to."""

# What services show of a key in their errors: OpenAI its two ends with asterisks between them, DeepSeek asterisks and
# the last four characters, LiteLLM "sk-...abcd"; and whole keys, by the beginnings that the services give them: OpenAI,
# Anthropic, DeepSeek, OpenRouter (sk-), Groq, xAI, Cerebras, Together, Perplexity, Nvidia, Hugging Face, Google.
_LIKE_A_KEY = re.compile(
    r"""(?<![\w.+/*-])[\w.+/-]*(?:\*{4,} | (?<=\w)\*{3}(?=\w))[\w.+/*-]*
    | \b(?:sk|gsk|xai|csk|tgp|pplx|nvapi|hf)[-_](?:\.{3}[\w-]+ | (?=[\w-]{0,200}\d)[\w-]{12,})
    | \bAIza[\w-]{10,} | \bAQ\.[\w-]{10,}""",
    re.VERBOSE,
)


class Key:
    """A secret that no ``repr``, traceback, pickle or log shows; :meth:`reveal` alone gives it out.

    ``name`` says where it comes from, for messages.  Raises :class:`~ava_magic.AvaError` (``config``) for a value that
    no header can carry.
    """

    __slots__ = ("_reveal", "name")

    def __init__(self, secret: str, name: str = "the key") -> None:
        self.name = name
        self._reveal: Callable[[], str] = lambda: secret
        if not isinstance(secret, str) or not (secret.isascii() and secret.isprintable()) or " " in secret:
            del secret, self  # a traceback shows the values of a frame
            raise AvaError(f"{name} holds a space, a line break or another character that no key has", "config")

    @classmethod
    def from_environment(cls, name: str) -> Key | None:
        """The key in the variable ``name``, ``None`` where it is not set.  Raises as above."""
        return cls(variable(name), name) if variable(name) else None

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
        typed_keys: those that the user typed in, by origin; the choice of an endpoint makes one of them ``key``.
        connect_timeout: seconds to wait for a connection.
        idle_timeout: seconds of silence after which a reply counts as dead.  There is no limit on the whole.
        retries: how often a request may be repeated before its first byte has come.
        limit: bytes of a reply, after decompression, above which it is cut off.
        proxies: whether the proxies that the environment names are used.
        on_wait: told ``(reason, seconds)`` before each wait for a retry.
    """

    base_url: str = ""
    key: Key | None = None
    typed_keys: Mapping[Origin, Key] = field(default_factory=dict)
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    retries: int = 2
    limit: int = 16 * 1024 * 1024
    proxies: bool = False
    on_wait: Callable[[str, float], None] | None = field(default=None, repr=False, compare=False)


@functools.lru_cache(maxsize=256)
def origin(url: str) -> Origin:
    """The scheme, host and port of an endpoint's URL.  Raises :class:`AvaError` (``config``) for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.username or parts.password:
        del url, parts
        raise AvaError("a URL with a name or a password in it is not taken: a key goes into AVA_API_KEY", "config")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AvaError(f"{url!r} is not the URL of an endpoint; it should look like https://host/v1", "config")
    return parts.scheme, parts.hostname, port


def without_keys(text: str, key: Key | None) -> str:
    """``text`` less ``key``, the environment's secrets, and what looks like one: services quote parts of it."""
    own = [key.reveal()] if key is not None else []
    return _LIKE_A_KEY.sub("\u2026", without_known(text, [*own, *secrets_of(os.environ).values()]))


def without_known(text: str, secrets: Iterable[str]) -> str:
    """``text`` less these ``secrets``."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may begin another
        text = text.replace(secret, "\u2026")
    return text


def error_text(payload: Any, depth: int = 8) -> str:
    """The words of an error in any of the shapes that services give it, ``""`` where there are none.

    What is nested deeper than ``depth`` is not looked at.
    """
    if isinstance(payload, str):
        return payload.strip()
    if isinstance(payload, list) and depth:
        return "; ".join(text for item in payload if (text := error_text(item, depth - 1)))
    if isinstance(payload, dict) and depth:
        if (
            isinstance(place := payload.get("loc"), list)
            and len(place) > 1
            and (text := error_text(payload.get("msg"), 0))
        ):
            return f"{place[-1]}: {text}"  # pydantic, as FastAPI passes it on: what is wrong with which field
        for name in ("error", "message", "detail", "details", "msg"):
            if text := error_text(payload.get(name), depth - 1):
                return text
    return ""
