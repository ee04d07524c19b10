"""A prompt that is asked for many items: what stands where ``{item}`` does is each item's own."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import AvaError
from ..prompt.question import Question, compose
from ..values.content import Picture
from ..values.describe import Display
from .items import Row

__all__ = ["Template", "Words"]

# An odd number of braces: two of them stand for one that is text.
_FIELD = re.compile(r"(?<!\{)(?:\{\{)*(\{item(?:[.\[!:][^{}\n]*)?\})")


class Template:
    """``text`` with ``{item}`` in it; other names in braces are those of ``names``, and ``paths`` are attached to each.

    ``check`` is given each question, and raises where it must not go.  Raises :class:`AvaError` (``config``) for a text
    in which nothing stands for the item, and for a file that cannot be attached.
    """

    def __init__(self, text: str, names: Mapping[str, Any], display: Display, paths: Sequence[str] = ()) -> None:
        self.text = text
        self.check: Callable[[Question], None] = lambda question: None
        self._others = {name: value for name, value in names.items() if name != "item"}
        self._display = _WithRows(display)
        self._fields = set(_FIELD.findall(text))
        if not self._fields:
            raise AvaError("nothing in the prompt stands for the item: write {item} where it belongs", "config")
        self._attached = compose("", None, display, paths)

    def for_all(self) -> Question:
        """What is the same for every item: the text with all values in but the item's."""
        return self._compose(self._others)

    def for_item(self, item: Any) -> Question:
        """The question for one item.  Raises :class:`AvaError` (``config``) where that lacks what it is asked for."""
        question = self._compose(ChainMap({"item": item}, self._others))
        if missing := self._fields - {insertion.name for insertion in question.inserted}:
            kind = f"the columns {', '.join(map(str, item))}" if isinstance(item, Row) else type(item).__name__
            raise AvaError(f"{min(missing)} is not in the item, which has {kind}", "config")
        return question

    def _compose(self, names: Mapping[str, Any]) -> Question:
        question = compose(self.text, names, self._display)
        attached = self._attached
        whole = Question([*question.pieces, *attached.pieces], [*question.inserted, *attached.inserted], question.notes)
        self.check(whole)
        return whole


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
