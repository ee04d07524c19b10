"""The model of the examples: it says what is written for a question in ``answers``.

A file there is of one notebook.  Its answers begin with a line ``@@ words`` each, words that the question holds; those
for one model alone name it first, as in ``@@ [small-model] words``.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ava_magic import AvaError
from ava_magic.conversation.exchanges import Message
from ava_magic.providers.base import Delta, FinishReason, ModelName, Usage
from ava_magic.values.content import text_of

ANSWERS = "EXAMPLE_ANSWERS"
"""The environment variable with the path of the notebook's answers."""

_CONTEXT = 512  # tokens of a question: small, so that an example may be too long

_ANSWER = re.compile(r"(?ms)^@@ (?:\[(.+?)\] )?(.+?)\n(.*?)\n(?=@@ |\Z)")


async def example(model: str, messages: list[Message], **fields: Any) -> AsyncIterator[Delta]:
    question = text_of(messages[-1]["content"])
    if len(question) // 4 > _CONTEXT:
        raise AvaError(
            f"the question is too long for the model: it has {len(question) // 4} tokens, and {_CONTEXT} are allowed",
            "bad_request",
        )
    written = _ANSWER.findall(Path(os.environ[ANSWERS]).read_text("utf-8"))
    fitting = (text.strip() for whose, words, text in written if whose in ("", model) and words in question)
    text = next(fitting, None)
    if text is None:
        raise LookupError(f"nothing is written for the question: {question}")
    yield ModelName(model or "example-model")
    yield text
    sent = sum(len(text_of(message["content"])) for message in messages)
    yield Usage({"prompt_tokens": sent // 4, "completion_tokens": len(text) // 4})
    yield FinishReason("stop")
