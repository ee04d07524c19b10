"""Data instead of prose: what is asked for, read out of the answer, and asked for once more where it does not fit.

A question for data goes as any other does, with an instruction in its system message, and with ``response_format``
where the endpoint takes that.  An answer that holds no data of the shape is sent back once, with what is wrong::

    system, user (the question), assistant (the answer), user (what is wrong with it)

What comes then is the reply.  The conversation keeps the question and the reply, and nothing of what was in between.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from ..conversation.exchanges import Message
from ..providers.base import Again, Delta, Reasoning, Usage, hang_up
from ..providers.shape import Ask
from ..reasoning import ThinkSplitter
from .json_text import json_values
from .json_types import Misfit
from .shapes import Shape, shape_of

__all__ = ["Demand", "Misfit"]

_REFUSED = (400, 422)
_NAMED = re.compile(r"response.?format|json.?schema|structured.?output", re.IGNORECASE)
_NO_JSON = "there is no JSON in it"


class Demand:
    """What a reply must hold: JSON, of the shape that ``schema`` stands for where it is not ``None``.

    Raises :class:`~ava_magic.AvaError` (``config``) for what is no schema.
    """

    def __init__(self, schema: Any = None) -> None:
        self.shape: Shape | None = None if schema is None else shape_of(schema)
        self._found: tuple[str, Any] | None = None  # the last text that fitted, and what was in it

    @property
    def name(self) -> str:
        """What the reply must be, in a word."""
        return "JSON" if self.shape is None else self.shape.name

    @property
    def is_checked(self) -> bool:
        """Whether what comes is held against its shape."""
        return self.shape is None or self.shape.checks

    @property
    def instruction(self) -> str:
        """What the model is told.  The schema stands in it even where it goes as ``response_format`` too: models do
        better with both (https://ollama.com/blog/structured-outputs), and many endpoints ignore the field."""
        if self.shape is None:
            return "Answer with one JSON value and nothing else."
        schema = json.dumps(self.shape.schema, ensure_ascii=False)
        return f"Answer with one JSON value of this JSON Schema and nothing else:\n{schema}"

    @property
    def fields(self) -> Mapping[str, Any]:
        """What it adds to the request of an endpoint that takes ``response_format``."""
        return {} if self.shape is None else {"response_format": self.shape.response_format()}

    def read(self, text: str) -> Any:
        """The first value in ``text`` that fits.  Raises :class:`Misfit`."""
        if self._found is not None and self._found[0] == text:
            return self._found[1]  # to build an object runs code of the user's: once is enough
        first: Misfit | None = None
        for value in json_values(text):
            try:
                self._found = text, value if self.shape is None else self.shape.build(value)
            except Misfit as misfit:
                first = first or misfit
            else:
                return self._found[1]
        raise first or Misfit(_NO_JSON)

    def asking(self, ask: Ask) -> Ask:
        """``ask``, and once more where the answer does not fit: an :class:`Again` stands between the two."""

        async def ask_for_data(model: str, messages: list[Message], **fields: Any) -> AsyncIterator[Delta]:
            requests = _Requests(ask, model, messages, fields)
            async with aclosing(requests.send()) as deltas:
                async for delta in deltas:
                    yield delta
            try:
                self.read(requests.answer)
            except Misfit as misfit:
                yield Again(str(misfit))
                async with aclosing(requests.send(*_repair(requests.answer, misfit))) as deltas:
                    async for delta in deltas:
                        yield delta

        return ask_for_data


def _repair(answer: str, misfit: Misfit) -> list[Message]:
    wish = f"That does not fit: {misfit}. Answer again, with the whole JSON value and nothing else."
    # Services refuse an assistant's message without content.
    return [{"role": "assistant", "content": answer.strip() or "(nothing)"}, {"role": "user", "content": wish}]


class _Requests:
    """The requests that one question takes; ``answer`` is what the last one brought, without its thinking."""

    def __init__(self, ask: Ask, model: str, messages: list[Message], fields: dict[str, Any]) -> None:
        self.answer = ""
        self._ask = ask
        self._model = model
        self._messages = messages
        self._fields = fields
        self._counts: Mapping[str, Any] = {}

    async def send(self, *more: Message) -> AsyncGenerator[Delta, None]:
        """Send the messages and ``more``; yield what comes, with the usage of all requests so far in one."""
        before = self._counts
        pieces: list[str] = []
        async with aclosing(_thinking_apart(self._tolerated([*self._messages, *more]))) as deltas:
            async for delta in deltas:
                if isinstance(delta, Usage):
                    self._counts = _sum(before, delta.counts)
                    yield Usage(self._counts)
                    continue
                if isinstance(delta, str):
                    pieces.append(delta)
                yield delta
        self.answer = "".join(pieces)

    async def _tolerated(self, messages: list[Message]) -> AsyncGenerator[Delta, None]:
        """One request; where the endpoint refuses ``response_format`` it is sent without it, from then on."""
        for _ in range(2):
            deltas = self._ask(self._model, messages, **self._fields)
            try:
                async for delta in deltas:
                    yield delta
                return
            except Exception as error:  # whatever a provider raises
                if not ("response_format" in self._fields and _is_about_it(error)):
                    raise
                del self._fields["response_format"]
            finally:
                await hang_up(deltas)


async def _thinking_apart(deltas: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
    """``deltas`` with the thinking that stands in the content told as such: there may be braces in it."""
    splitter = ThinkSplitter()
    async with aclosing(deltas):
        async for delta in deltas:
            if not isinstance(delta, str):
                yield delta
                continue
            for part in _parts(*splitter.feed(delta)):
                yield part
    for part in _parts(*splitter.finish()):
        yield part


def _parts(thought: str, answer: str) -> Iterator[Delta]:
    if thought:
        yield Reasoning(thought)
    if answer:
        yield answer


def _is_about_it(error: Exception) -> bool:
    """Whether an endpoint's refusal is about ``response_format``; whatever client raised it."""
    words = str(getattr(error, "message", ""))
    return getattr(error, "status", None) in _REFUSED and _NAMED.search(words) is not None


def _sum(before: Mapping[str, Any], counts: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of an earlier request and of this one, where both are numbers."""
    return {
        name: value + before[name] if type(value) is int and type(before.get(name)) is int else value
        for name, value in counts.items()
    }
