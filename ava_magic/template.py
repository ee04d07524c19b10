"""A prompt that is asked for many items: what stands where ``{item}`` does is each item's own."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any

from .errors import AvaError
from .items import Row
from .prompt import interpolate

__all__ = ["Template"]

# An odd number of braces: two of them stand for one that is text.
_FIELD = re.compile(r"(?<!\{)(?:\{\{)*(\{item(?:[.\[!:][^{}\n]*)?\})")


class Template:
    """``text`` with ``{item}`` in it; other names in braces are those of ``namespace``.

    ``describe`` tells a value in words, ``None`` where it cannot; ``check`` raises where a prompt must not go.  Raises
    :class:`AvaError` (``config``) for a text in which nothing stands for the item.
    """

    def __init__(
        self,
        text: str,
        namespace: Mapping[str, Any],
        describe: Callable[[Any], str | None],
        check: Callable[[str], None] = lambda prompt: None,
    ) -> None:
        self._text = text
        self._check = check
        self._others = {name: value for name, value in namespace.items() if name != "item"}
        self._describe = describe
        self._fields = set(_FIELD.findall(text))
        if not self._fields:
            raise AvaError("nothing in the prompt stands for the item: write {item} where it belongs", "config")

    def for_all(self) -> str:
        """What is the same for every item: the text with all values in but the item's."""
        return interpolate(self._text, self._others, self._words).text

    def for_item(self, item: Any) -> str:
        """The prompt for one item.  Raises :class:`AvaError` (``config``) where that lacks what the text asks of it."""
        filled = interpolate(self._text, ChainMap({"item": item}, self._others), self._words)
        if missing := self._fields - {field for field, _ in filled.inserted}:
            kind = f"the columns {', '.join(map(str, item))}" if isinstance(item, Row) else type(item).__name__
            raise AvaError(f"{min(missing)} is not in the item, which has {kind}", "config")
        self._check(filled.text)
        return filled.text

    def _words(self, value: Any) -> str | None:
        return str(value) if isinstance(value, Row) else self._describe(value)
