"""What the providers that are asked by HTTP have in common: one POST, one stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from ..conversation.exchanges import Message
from .base import AsyncGeneratorProvider, Delta, Request
from .chunks import read_deltas

__all__ = ["StreamingProvider"]


class StreamingProvider(AsyncGeneratorProvider):
    """A provider that posts its ``request`` to where ``connection`` says."""

    @classmethod
    async def create_async_generator(
        cls, model: str, messages: list[Message], **kwargs: Any
    ) -> AsyncGenerator[Delta, None]:
        """Yield the reply of ``model`` to ``messages`` as it comes.

        ``kwargs`` are further fields of the request.  Raises :class:`aiohttp.ClientResponseError` for an HTTP error,
        other :class:`aiohttp.ClientError` where the connection fails, and :class:`~ava_magic.AvaError` where the stream
        does.
        """
        from .. import transport  # aiohttp is loaded by the first question, not by %load_ext

        url, body = cls.request(model, messages, **kwargs)
        async with aclosing(read_deltas(transport.stream(url, body, cls.connection), cls.connection.key)) as deltas:
            async for delta in deltas:
                yield delta

    @classmethod
    def request(cls, model: str, messages: list[Message], **kwargs: Any) -> Request:
        """What :meth:`create_async_generator` sends."""
        raise NotImplementedError
