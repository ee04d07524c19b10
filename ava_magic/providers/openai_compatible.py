"""The wire format that most services share: OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

from ..conversation.exchanges import Message
from ..errors import AvaError
from .base import AsyncGeneratorProvider, Delta, Request
from .chunks import read_deltas

__all__ = ["OpenAICompatible"]


class OpenAICompatible(AsyncGeneratorProvider):
    """``POST {base}/chat/completions`` with a bearer key; where it goes is in ``connection``."""

    url: ClassVar[str] = "https://api.openai.com/v1"
    supports_gpt_35_turbo: ClassVar[bool] = True
    takes_images: ClassVar[bool] = True
    takes_response_format: ClassVar[bool] = True

    @classmethod
    async def create_async_generator(
        cls, model: str, messages: list[Message], **kwargs: Any
    ) -> AsyncGenerator[Delta, None]:
        """Yield the reply as it comes.

        ``kwargs`` are further fields of the request.  An empty ``model`` is left out, so that a server with but one
        model can choose it.  Raises as :class:`~ava_magic.providers.codelink_ava.CodeLinkAva` does.
        """
        from .. import transport  # aiohttp is loaded by the first question, not by %load_ext

        url, body = cls.request(model, messages, **kwargs)
        async with aclosing(read_deltas(transport.stream(url, body, cls.connection), cls.connection.key)) as deltas:
            async for delta in deltas:
                yield delta

    @classmethod
    def request(cls, model: str, messages: list[Message], **kwargs: Any) -> Request:
        """What :meth:`create_async_generator` sends."""
        body: dict[str, Any] = {"model": model} if model else {}
        body |= {"messages": messages, "stream": True, "stream_options": {"include_usage": True}, **kwargs}
        return Request(f"{cls._base()}/chat/completions", body)

    @classmethod
    async def list_models(cls) -> list[str]:
        """The names of the models that the endpoint offers (``GET {base}/models``).  Raises as above."""
        from .. import transport

        answer = await transport.fetch_json(f"{cls._base()}/models", cls.connection)
        try:
            return [str(model["id"]) for model in answer["data"]]
        except (LookupError, TypeError):
            raise AvaError("the endpoint's list of models is not one", "protocol") from None

    @classmethod
    def _base(cls) -> str:
        return (cls.connection.base_url or cls.url).rstrip("/")
