"""How an endpoint is reached, and what it says when it refuses, with no key in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import AvaError

__all__ = ["Connection", "Key", "error_text", "without_keys"]

_LIKE_A_KEY = re.compile(r"\b(sk|pk|rk|gsk|xai|AIza)[-_]?[\w*-]{6,}")


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
        proxies: whether the proxies that the environment names are used.
        on_wait: told ``(reason, seconds)`` before each wait for a retry.
    """

    base_url: str = ""
    key: Key | None = None
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    retries: int = 2
    limit: int = 16 * 1024 * 1024
    proxies: bool = False
    on_wait: Callable[[str, float], None] | None = field(default=None, repr=False, compare=False)


def without_keys(text: str, key: Key | None) -> str:
    """``text`` less ``key``, and less what looks like one: services quote parts of it in their errors."""
    if key is not None:
        text = text.replace(key.reveal(), "\u2026")
    return _LIKE_A_KEY.sub("\\1-\u2026", text)


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
