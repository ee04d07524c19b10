"""How to ask: what a chat, a trait or an option says about a question beside its words."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, NamedTuple

from .answers.formats import FORMATS
from .connection import Connection, Key, Origin
from .controls import one_line
from .conversation.exchanges import Rerun
from .errors import AvaError
from .providers.shape import Ask

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to ask; :class:`~ava_magic.Chat` says what each means."""

    provider: str | type | Ask = "auto"
    model: str = ""
    base_url: str = ""
    api_key: Key | None = None
    typed_keys: Mapping[Origin, Key] = field(default_factory=dict)
    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 300.0
    retries: int = 2
    proxies: bool = False
    context_tokens: int = 16_000
    rerun: Rerun = "replace"
    options: Mapping[str, Any] = field(default_factory=dict)
    format: str = "markdown"
    schema: Any = None
    record: str | os.PathLike[str] = ""
    replay: bool | None = None

    def check(self) -> None:
        """Raise :class:`AvaError` (``config``) for the first setting whose value it cannot have."""
        for name, (wanted, fits) in _WANTED.items():
            if not fits(value := getattr(self, name)):
                raise AvaError(f"{name} must be {wanted}, not {one_line(repr(value), 60)}", "config")

    def request_fields(self) -> dict[str, Any]:
        """The fields of the request's body beside the model and the messages."""
        named = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return {name: value for name, value in named.items() if value is not None} | dict(self.options)

    def named_provider(self) -> str:
        """The name that the provider has as an endpoint, ``""`` where none is named."""
        name = self.provider if isinstance(self.provider, str) else getattr(self.provider, "__name__", "")
        return "" if name.strip() in ("", "auto") else name.strip().rpartition(":")[2]

    def connection(self, on_wait: Callable[[str, float], None]) -> Connection:
        """How the endpoint is reached; ``on_wait`` is told of each wait for a retry."""
        return Connection(
            base_url=self.base_url,
            key=self.api_key,
            idle_timeout=self.timeout,
            retries=self.retries,
            typed_keys=self.typed_keys,
            proxies=self.proxies,
            on_wait=on_wait,
        )


class _Wanted(NamedTuple):
    words: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _whole(least: int) -> _Wanted:
    return _Wanted(
        f"a whole number from {least}",
        lambda value: isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least,
    )


def _or_none(wanted: _Wanted) -> _Wanted:
    return _Wanted(f"{wanted.words}, or None", lambda value: value is None or wanted.fits(value))


_TEXT = _Wanted("a text", lambda value: isinstance(value, str))

_WANTED: Mapping[str, _Wanted] = {
    "provider": _Wanted(
        "a name, a class or an async generator function",
        lambda value: isinstance(value, str) or callable(value) or hasattr(value, "create_async_generator"),
    ),
    "model": _TEXT,
    "base_url": _TEXT,
    "system": _TEXT,
    "temperature": _or_none(_Wanted("a number", _is_number)),
    "max_tokens": _or_none(_whole(1)),
    "timeout": _Wanted("a number of seconds above 0", lambda value: _is_number(value) and value > 0),
    "retries": _whole(0),
    "context_tokens": _whole(0),
    "rerun": _Wanted("'replace' or 'append'", lambda value: value in ("replace", "append")),
    "options": _Wanted(
        "a mapping of names to values",
        lambda value: isinstance(value, Mapping) and all(isinstance(name, str) for name in value),
    ),
    "format": _Wanted(f"one of {', '.join(FORMATS)}", lambda value: isinstance(value, str) and value in FORMATS),
    "record": _Wanted("a path", lambda value: isinstance(value, str | os.PathLike)),
}
"""What each setting may be, in words and as a test."""
