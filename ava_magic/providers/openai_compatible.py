"""The wire format that most services share: OpenAI's chat completions."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from ..conversation.exchanges import Message
from ..errors import AvaError
from .base import Request
from .streaming import StreamingProvider

__all__ = ["OpenAICompatible"]


class OpenAICompatible(StreamingProvider):
    """``POST {base}/chat/completions`` with a bearer key; where it goes is in ``connection``."""

    url: ClassVar[str] = "https://api.openai.com/v1"
    supports_gpt_35_turbo: ClassVar[bool] = True
    takes_images: ClassVar[bool] = True
    takes_response_format: ClassVar[bool] = True

    @classmethod
    def request(cls, model: str, messages: list[Message], **kwargs: Any) -> Request:
        """What is sent; without ``model`` where that is empty, so that a server with but one can choose it."""
        body: dict[str, Any] = {"model": model} if model else {}
        body |= {"messages": messages, "stream": True, "stream_options": {"include_usage": True}, **kwargs}
        return Request(cls._at("/chat/completions"), body)

    @classmethod
    async def list_models(cls) -> list[str]:
        """The names of the models that the endpoint offers (``GET {base}/models``).  Raises as a question does."""
        from .. import transport  # as late as for a question

        answer = await transport.fetch_json(cls._at("/models"), cls.connection)
        try:
            return [str(model["id"]) for model in answer["data"]]
        except (LookupError, TypeError):
            raise AvaError("the endpoint's list of models is not one", "protocol") from None

    @classmethod
    def _at(cls, path: str) -> str:
        """The URL of ``path`` under the base URL: of a whole one, as it is often copied, and with the query of both."""
        parts = urlsplit(cls.connection.base_url or cls.url)
        base = parts.path.rstrip("/").removesuffix("/chat/completions")
        return parts._replace(path=base + path, fragment="").geturl()
