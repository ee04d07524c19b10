"""A small table, as text for a terminal and as HTML for a notebook.  Nothing in a cell of it is obeyed by either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..controls import one_line, visible

__all__ = ["Listing"]


class Listing(NamedTuple):
    """A caption, the names of the columns, and rows of plain text; those in ``figures`` are aligned to the right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [[one_line(cell) for cell in row] for row in [self.head, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [
            "  ".join(
                cell.rjust(width) if name in self.figures else cell.ljust(width)
                for name, cell, width in zip(self.head, line, widths, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([visible(self.caption), *(texts if self.rows else ())])

    def __repr__(self) -> str:
        return str(self)

    def to_html(self) -> str:
        """The table as HTML."""
        from ..markdown.html import plain

        html = f"<p>{plain(self.caption)}</p>\n"
        if not self.rows:
            return html
        aligned = [f'style="text-align: {"right" if name in self.figures else "left"}"' for name in self.head]
        head = "".join(f"<th {style}>{plain(name)}</th>" for name, style in zip(self.head, aligned, strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td {s}>{plain(cell)}</td>" for cell, s in zip(row, aligned, strict=True)) + "</tr>\n"
            for row in self.rows
        )
        return f"{html}<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}
