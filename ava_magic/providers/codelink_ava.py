"""CodeLinkAva, the seed of this project: one POST, one stream of ``data:`` lines, no key.

The service at its public address stopped in 2023; ``python -m ava_magic.server`` speaks its protocol.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

from ..conversation.exchanges import Message
from .base import AsyncGeneratorProvider, Delta, Request
from .chunks import read_deltas

__all__ = ["CodeLinkAva"]


class CodeLinkAva(AsyncGeneratorProvider):
    """``POST {base}/api/chat``; ``model`` is accepted and not sent, since the service has but one."""

    url: ClassVar[str] = "https://ava-alpha-api.codelink.io"
    supports_gpt_35_turbo: ClassVar[bool] = True
    working: ClassVar[bool] = False

    @classmethod
    async def create_async_generator(
        cls, model: str, messages: list[Message], **kwargs: Any
    ) -> AsyncGenerator[Delta, None]:
        """Yield the reply as it comes.

        ``kwargs`` are laid over the request's fields ``messages``, ``temperature`` (0.6) and ``stream`` (true).
        Raises :class:`aiohttp.ClientResponseError` for an HTTP error, other :class:`aiohttp.ClientError` where the
        connection fails, and :class:`~ava_magic.AvaError` where the stream does.
        """
        from .. import transport  # aiohttp is loaded by the first question, not by %load_ext

        url, body = cls.request(model, messages, **kwargs)
        async with aclosing(read_deltas(transport.stream(url, body, cls.connection), cls.connection.key)) as deltas:
            async for delta in deltas:
                yield delta

    @classmethod
    def request(cls, model: str, messages: list[Message], **kwargs: Any) -> Request:
        """What :meth:`create_async_generator` sends."""
        body = {"messages": messages, "temperature": 0.6, "stream": True, **kwargs}
        return Request(f"{(cls.connection.base_url or cls.url).rstrip('/')}/api/chat", body)
