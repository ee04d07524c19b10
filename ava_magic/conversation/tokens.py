"""How many tokens a text takes: an estimate, corrected by what the endpoint reports.

Pure, with no tokenizer and no network: each model has a tokenizer of its own, and none tells how a chat is wrapped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..values.content import image_urls, text_of

__all__ = ["estimate_tokens", "how_to_shorten", "is_about_length", "own_tokens", "reported"]

_IMAGE = 1_000  # about what services count for one, whatever its size in bytes
_BELIEVED = 4  # a count that is further off than this times counts something else: a cached part left out, say
_TOO_LONG = (
    "context length",
    "context_length",
    "context size",
    "context window",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "reduce the length",
    "too many tokens",
    "exceeds the maximum number of tokens",
)


def estimate_tokens(content: Any) -> int:
    """Tokens of a message with ``content`` by rule of thumb: one for each four bytes of UTF-8, a thousand for an image,
    and four for the message around it.

    Of an image that is about what the services say for a thousand pixels each way
    (https://platform.openai.com/docs/guides/images-vision, https://docs.anthropic.com/en/docs/build-with-claude/vision).
    The rule for English is OpenAI's own (https://platform.openai.com/tokenizer); counting bytes rather than characters
    keeps it on the safe side for other scripts.
    """
    return len(text_of(content).encode("utf-8", "replace")) // 4 + _IMAGE * len(image_urls(content)) + 4


def reported(usage: Mapping[str, Any] | None, name: str) -> int | None:
    """The count that an endpoint reports as ``name``; ``None`` where it reports none, or what cannot be one."""
    value = usage.get(name) if usage else None
    return value if type(value) is int and 0 < value < 1_000_000_000 else None


def own_tokens(
    usage: Mapping[str, Any] | None, messages: Sequence[Mapping[str, Any]], reply: str, thoughts: str
) -> tuple[int, int]:
    """What the question (the last of ``messages``) and its ``reply`` will take of the context.

    An endpoint counts all that was sent together, and often thinking with the reply, which is not sent again.  So of
    its counts the question and the reply get the share that they have by :func:`estimate_tokens`.
    """
    question = estimate_tokens(messages[-1]["content"])
    answer = estimate_tokens(reply)
    if sent := reported(usage, "prompt_tokens"):
        question = _share(question, sent, sum(estimate_tokens(message["content"]) for message in messages))
    if received := reported(usage, "completion_tokens"):
        details = usage.get("completion_tokens_details") if usage else None
        thought = reported(details if isinstance(details, Mapping) else None, "reasoning_tokens")
        if thought is not None and thought < received:
            answer = _share(answer, received - thought, answer)
        else:
            answer = _share(answer, received, answer + (estimate_tokens(thoughts) if thoughts else 0))
    return question, answer


def _share(part: int, count: int, estimate: int) -> int:
    """The tokens of ``part``, where ``count`` were reported for what was estimated as ``estimate``."""
    ratio = min(max(count / estimate, 1 / _BELIEVED), _BELIEVED)
    return max(1, round(part * ratio))


def is_about_length(message: str) -> bool:
    """Whether an endpoint's error says that what was sent is too long for the model.

    The words are those of OpenAI, Anthropic, Gemini, Mistral, Groq, llama.cpp and vLLM; there is no common code.
    """
    words = message.lower()
    return any(phrase in words for phrase in _TOO_LONG)


def how_to_shorten(messages: int, context_tokens: int) -> str:
    """What to do where ``messages`` of them, within ``context_tokens``, were too long for the model."""
    if messages <= 2:  # the question, and a system message
        return "shorten the question, or ask another model with -m"
    setting = f"context_tokens, it is {context_tokens:,} now"
    return f"send less of the conversation ({setting}), ask without it (-n), or forget it (--reset)"
