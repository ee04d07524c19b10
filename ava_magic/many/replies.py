"""Many replies, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ..controls import one_line, visible
from ..conversation.tokens import reported
from ..errors import AvaError
from ..reply import Reply
from .items import Row, words_of

if TYPE_CHECKING:
    import pandas

__all__ = ["Replies"]

_ROWS = 10
_WIDTH = 300  # characters of an item or a reply in the table


class Replies(Sequence[Reply]):
    """What came back for many items, in their order: the ``replies``, as a list of :class:`~ava_magic.Reply`.

    Attributes:
        items: what each was asked for; its position, where nothing else is said.
        notes: what a reader should know of them all.
    """

    def __init__(
        self, replies: Iterable[Reply] = (), items: Iterable[Any] | None = None, notes: Sequence[str] = ()
    ) -> None:
        self._replies = list(replies)
        self.items = list(range(len(self._replies)) if items is None else items)
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self._replies)

    @overload
    def __getitem__(self, index: int) -> Reply: ...
    @overload
    def __getitem__(self, index: slice) -> Replies: ...
    def __getitem__(self, index: int | slice) -> Reply | Replies:
        if isinstance(index, slice):
            return Replies(self._replies[index], self.items[index], self.notes)
        return self._replies[index]

    @property
    def text(self) -> list[str]:
        """The texts, ``""`` where an item failed before its first word."""
        return [reply.text for reply in self]

    @property
    def errors(self) -> dict[int, AvaError]:
        """What went wrong, by position: ``replies.errors[3]`` is the error of ``replies[3]``."""
        return {position: reply.error for position, reply in enumerate(self) if reply.error is not None}

    def to_dataframe(self) -> pandas.DataFrame:
        """A pandas ``DataFrame`` with a row for each: the item (a table's row by its columns), then what came of it.

        Raises :class:`AvaError` (``config``) where pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise AvaError("to_dataframe() needs pandas: pip install pandas", "config") from None
        rows = [{**_columns(item), **_outcome(reply)} for item, reply in zip(self.items, self, strict=True)]
        return pandas.DataFrame(rows, columns=None if rows else ["item", *_outcome(Reply(""))])

    def footer(self) -> str:
        """One plain line: how many there are, how many failed, how many tokens they took, what a reader should know."""
        failed = len(self.errors)
        tokens = sum(reported(reply.usage, "completion_tokens") or 0 for reply in self)
        parts = [
            f"{len(self):,} repl{'y' if len(self) == 1 else 'ies'}",
            f"{failed:,} failed: see .errors" if failed else "",
            f"{tokens:,} tokens" if tokens else "",
            *self.notes,
        ]
        return " \u00b7 ".join(filter(None, parts))

    def __repr__(self) -> str:
        return f"<Replies: {one_line(self.footer())}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from ..markdown.html import plain

        rows = [(str(n), one_line(words_of(item), _WIDTH), _said(reply)) for n, item, reply in self._first_rows()]
        more = f"and {len(self) - _ROWS:,} more" if len(self) > _ROWS else ""
        head = "".join(f'<th style="text-align: left">{name}</th>' for name in ("", "item", "reply"))
        cells = ("".join(f'<td style="text-align: left">{plain(cell)}</td>' for cell in row) for row in rows)
        body = "".join(f"<tr>{row}</tr>\n" for row in cells)
        end = "".join(f'<p role="status"><small>{plain(line)}</small></p>\n' for line in (more, self.footer()) if line)
        lines = [f"{n:>4}  {item[:30]:<30}  {reply[:80]}" for n, item, reply in rows]
        return {
            "text/plain": "\n".join(filter(None, [*lines, more, f"[{visible(self.footer())}]"])),
            "text/html": f'<div style="overflow-x: auto"><table><tr>{head}</tr>\n{body}</table></div>\n{end}',
        }

    def _first_rows(self) -> Iterable[tuple[int, Any, Reply]]:
        return zip(range(_ROWS), self.items, self, strict=False)


def _said(reply: Reply) -> str:
    return one_line(reply.text if reply.error is None else reply.error.in_one_line(), _WIDTH)


def _outcome(reply: Reply) -> Mapping[str, Any]:
    return {
        "text": reply.text,
        "error": None if reply.error is None else str(reply.error),
        "model": reply.model,
        "provider": reply.provider,
        "finish_reason": reply.finish_reason,
        "tokens": reported(reply.usage, "completion_tokens"),
        "seconds": reply.seconds,
    }


def _columns(item: Any) -> Mapping[str, Any]:
    """An item as columns that no column of ours hides."""
    if not isinstance(item, Row):
        return {"item": item}
    ours = _outcome(Reply(""))
    return {f"item.{name}" if name in ours else name: value for name, value in dict.items(item)}
