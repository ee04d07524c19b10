"""How to ask: what a chat, a trait or an option says about a question beside its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .connection import Connection, Key, Origin
from .conversation.exchanges import Rerun
from .providers.presets import Ask

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
    record: str = ""
    replay: bool | None = None

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
