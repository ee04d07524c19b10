"""CodeLinkAva, the seed of this project: one POST, one stream of ``data:`` lines, no key.

The service at its public address stopped in 2023; ``python -m ava_magic.server`` speaks its protocol.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..conversation.exchanges import Message
from .base import Request
from .streaming import StreamingProvider

__all__ = ["CodeLinkAva"]


class CodeLinkAva(StreamingProvider):
    """``POST {base}/api/chat``; ``model`` is accepted and not sent, since the service has but one.

    The protocol is that of the adapter of this name in xtekky/gpt4free (2023).  Raises what
    :class:`~.streaming.StreamingProvider` does: :class:`aiohttp.ClientResponseError` for an HTTP error.
    """

    url: ClassVar[str] = "https://ava-alpha-api.codelink.io"
    supports_gpt_35_turbo: ClassVar[bool] = True
    working: ClassVar[bool] = False

    @classmethod
    def request(cls, model: str, messages: list[Message], **kwargs: Any) -> Request:
        """What is sent: ``kwargs`` over ``messages``, ``temperature`` (0.6) and ``stream`` (true), and no ``model``."""
        body = {"messages": messages, "temperature": 0.6, "stream": True, **kwargs}
        return Request(f"{(cls.connection.base_url or cls.url).rstrip('/')}/api/chat", body)
