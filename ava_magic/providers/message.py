"""The fields of one message, which comes in deltas: content, reasoning, refusal, and what services make of them.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..halves import PairJoiner, without_halves
from .base import Delta, Reasoning, Refusal

__all__ = ["MessageReader"]


class MessageReader:
    """An incremental parser: :meth:`feed` it each ``delta`` (or the one ``message``), then :meth:`finish`.

    Some endpoints cut content between UTF-16 units, so that one character comes as ``"\\ud83d"`` and ``"\\ude00"``.

    ``pairs`` joins those; ``asked_for_a_tool`` is true once the message calls a tool.
    """

    def __init__(self) -> None:
        self.asked_for_a_tool = False
        self.pairs = PairJoiner()

    def feed(self, delta: dict[str, Any]) -> Iterator[Delta]:
        """Take the next fields; yield what is in them."""
        for name in ("reasoning_content", "reasoning"):  # DeepSeek's and vLLM's name, OpenRouter's and Ollama's name
            if type(text := delta.get(name)) is str and text:
                yield Reasoning(without_halves(text))
                break
        if type(text := delta.get("refusal")) is str and text:
            yield Refusal(without_halves(text))
        if delta.get("tool_calls") or delta.get("function_call"):
            self.asked_for_a_tool = True
        content = delta.get("content")
        if type(content) is list:
            thinking = (part.get("thinking") for part in content if type(part) is dict)  # Mistral's
            if thought := "".join(text for parts in thinking if type(parts) is list for text in _texts(parts)):
                yield Reasoning(without_halves(thought))
            content = "".join(_texts(content))
        if type(content) is str and (content := self.pairs.feed(content)):
            yield content

    def finish(self) -> Iterator[Delta]:
        """The end has come: what was held back stays half."""
        if rest := self.pairs.finish():
            yield rest


def _texts(parts: Iterable[Any]) -> Iterator[str]:
    return (part["text"] for part in parts if type(part) is dict and type(part.get("text")) is str)
