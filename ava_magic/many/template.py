"""A prompt that is asked for many items: what stands where ``{item}`` does is each item's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..errors import AvaError
from ..prompt.fields import Insertion, fill, joined
from ..prompt.question import Question, attachments, with_attached
from ..values.content import Picture
from ..values.describe import Display
from .items import Row

__all__ = ["Template", "Words"]

# An odd number of braces: two of them stand for one that is text.
_FIELD = re.compile(r"(?<!\{)(?:\{\{)*(\{item(?:[.\[!:][^{}\n]*)?\})")


class Template:
    """``text`` with ``{item}`` in it; other names in braces are those of ``names``, and ``paths`` are attached to each.

    What is the same for every item is told once, here.  ``check`` is given the question of each item, and raises where
    it must not go.  Raises :class:`AvaError` (``config``) for a text in which nothing stands for the item, and for a
    file that cannot be attached.
    """

    def __init__(
        self,
        text: str,
        names: Mapping[str, Any],
        display: Display,
        paths: Sequence[str] = (),
        check: Callable[[Question], None] = lambda question: None,
    ) -> None:
        self.text = text
        self._display = _WithRows(display)
        self._check = check
        self._fields = set(_FIELD.findall(text))
        if not self._fields:
            raise AvaError("nothing in the prompt stands for the item: write {item} where it belongs", "config")
        self._attached = attachments(paths)
        self._cells = names.get("_ih")
        others = {name: value for name, value in names.items() if name != "item"}
        self._parts, _ = fill(text, others, self._display, self._cells)

    def for_all(self) -> Question:
        """What is the same for every item: the text with all values in but the item's."""
        return with_attached(joined(self._parts), self._attached)

    def for_item(self, item: Any) -> Question:
        """The question for one item.  Raises :class:`AvaError` (``config``) where that lacks what it is asked for."""
        question = with_attached(joined(self._with(item)), self._attached)
        if missing := self._fields - {insertion.name for insertion in question.inserted}:
            kind = f"the columns {', '.join(map(str, item))}" if isinstance(item, Row) else type(item).__name__
            raise AvaError(f"{min(missing)} is not in the item, which has {kind}", "config")
        self._check(question)
        return question

    def _with(self, item: Any) -> Iterable[str | Insertion]:
        """The parts with ``item`` in those that were typed: what was inserted is not read again."""
        for part in self._parts:
            if isinstance(part, str):
                yield from fill(part, {"item": item}, self._display, self._cells)[0]
            else:
                yield part


class Words:
    """How a script shows a value: as ``str`` does."""

    def text(self, value: Any) -> str | None:
        """The words of any value."""
        return str(value)

    def picture(self, value: Any) -> Picture | None:
        """No value is a picture without a notebook that shows it."""
        return None


class _WithRows:
    """Shows values as ``display`` does, and a row of a table by its columns."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def text(self, value: Any) -> str | None:
        return str(value) if isinstance(value, Row) else self._display.text(value)

    def picture(self, value: Any) -> Picture | None:
        return None if isinstance(value, Row) else self._display.picture(value)
