"""Several replies to one question: next to each other in a notebook, one under the other where it is narrow.

A terminal has no columns that could stream: there they stand under each other, in their order.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..controls import visible
from ..many.column import Column
from ..many.replies import Replies
from ..markdown.html import as_it_is, plain
from ..markdown.inert import inert_markdown
from . import BYTES_A_SECOND, View, choose, display_of, pace, screen_of
from .ending import add_failure, final_bundle
from .place import Place
from .plain import Afterwards
from .updates import HtmlView, TextView

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .notebook import WidgetView

__all__ = ["Row", "choose_columns"]

_NARROWEST = "18em"
_Bundle = tuple[dict[str, str], dict[str, Any]]  # the data and the metadata of an output


def choose_columns(
    columns: Sequence[Column],
    question: str,
    *,
    shell: InteractiveShell,
    display: str,
    frame_rate: float,
    background: bool,
) -> View[Replies]:
    """The view of several replies that fits the screen; as :func:`ava_magic.views.choose` does for one."""
    screen, display = screen_of(shell, display), display_of(columns[0].turn, display)
    if screen == "widgets" and display != "text":
        return WidgetColumns(columns, getattr(shell, "kernel", None), frame_rate, background=background)
    if screen in ("widgets", "updates"):
        kind = TextView if display == "text" else HtmlView
        return HtmlColumns(columns, [kind(c.turn, frame_rate, background=background) for c in columns], background)
    views = [choose(column.turn, column.run.stop, shell, display, frame_rate) for column in columns]
    stacked = Stacked(columns, views)
    return Afterwards(stacked, question) if background else stacked


class Row:
    """The columns of a notebook, in the output that stays: another of the replies may be chosen afterwards."""

    _columns: Sequence[Column]
    _place: Place

    def show_choice(self) -> None:
        """Show which of them goes on in the conversation now: ``--resume`` reads it there."""
        bundles = [final_bundle(c.what_came(), c.turn, None, c.failure, c.label) for c in self._columns]
        self._place.update(*_final(self._columns, bundles, ""))


class WidgetColumns(Row):
    """The view of a single reply, once for each, in a row that breaks where it is narrow."""

    def __init__(self, columns: Sequence[Column], kernel: Any, frame_rate: float, *, background: bool) -> None:
        from .notebook import WidgetView

        self._columns = columns
        self._views = [WidgetView(c.turn, c.run.stop, kernel, frame_rate, background=background) for c in columns]
        self._concluded: set[int] = set()
        self._place = Place()

    def open(self) -> None:
        from ipywidgets import HTML, HBox, Layout, Output, VBox

        from .area import new_area, widget_view

        width = Layout(width=_width(len(self._columns)), min_width=_NARROWEST, margin="0 1% 0 0")
        heads = [HTML(f"<b>{plain(column.label)}</b>") for column in self._columns]
        areas = [view.build() for view in self._views]
        boxes = [VBox([head, area], layout=width) for head, area in zip(heads, areas, strict=True)]
        self._row = HBox(boxes, layout=Layout(flex_flow="row wrap", align_items="flex-start"))
        self._output = Output()
        self._area = new_area([self._row], self._output.layout)
        words = f"{len(self._columns)} were asked; their whole replies will stand here."
        self._place.show(widget_view(self._area, words))

    def paint(self) -> float:
        wanted = [1.0]
        for number, (column, view) in enumerate(zip(self._columns, self._views, strict=True)):
            if number in self._concluded:
                continue
            if column.over and view.shows_all:
                reply = column.what_came()
                view.conclude(" \u00b7 ".join(filter(None, [reply.footer() if reply else "", column.failure])))
                self._concluded.add(number)
            else:
                wanted.append(view.paint())
        return min(wanted)

    def close(self, reply: Replies | None, failure: str = "") -> None:
        from .area import close_tree, retire

        data, metadata = _final(self._columns, _finished(self._columns, self._views), failure)
        self._place.update(data, metadata)
        retire(self._area, self._output, data, metadata)
        for view in self._views:
            view.clear_away()
        close_tree(self._row)


class HtmlColumns(Row):
    """The columns for a front end without widgets: all of them are sent again when one has something new."""

    def __init__(self, columns: Sequence[Column], views: Sequence[HtmlView], background: bool) -> None:
        self._columns = columns
        self._views = views
        self._background = background
        self._place = Place()

    def open(self) -> None:
        self._frames = [view.status() for view in self._views]
        self._place.show(self._data())

    @pace
    def paint(self) -> float:
        fresh = {number: frame for number, view in enumerate(self._views) if (frame := view.frame())}
        for number, frame in fresh.items():
            self._frames[number] = frame
        if not fresh:
            return 0.25
        data = self._data()
        self._place.update(data)
        return max(0.25, 2 * sum(map(len, data.values())) / BYTES_A_SECOND)

    def close(self, reply: Replies | None, failure: str = "") -> None:
        data, metadata = _final(self._columns, _finished(self._columns, self._views), failure)
        self._place.finish(data, metadata, background=self._background)

    def _data(self) -> dict[str, str]:
        return _beside([column.label for column in self._columns], self._frames)


class Stacked:
    """One reply below the other: the first streams, and the next is shown when it has ended, as far as it is."""

    def __init__(self, columns: Sequence[Column], views: Sequence[View[Any]]) -> None:
        self._waiting = list(zip(columns, views, strict=True))
        self._shown: tuple[Column, View[Any]] | None = None

    def open(self) -> None:
        self._next()

    def paint(self) -> float:
        if self._shown is None:
            return 1.0
        column, view = self._shown
        if not column.over:
            return view.paint()
        view.close(column.what_came(), column.failure)
        self._next()
        return 0.0

    def close(self, reply: Replies | None, failure: str = "") -> None:
        while self._shown is not None:
            column, view = self._shown
            view.close(column.what_came(), column.failure)
            self._next()
        if failure:
            sys.stdout.write(f"{visible(failure)}\n")
            sys.stdout.flush()

    def _next(self) -> None:
        self._shown = self._waiting.pop(0) if self._waiting else None
        if self._shown is not None:
            sys.stdout.write(f"\n== {visible(self._shown[0].label)} ==\n")
            sys.stdout.flush()
            self._shown[1].open()


def _finished(columns: Sequence[Column], views: Sequence[WidgetView | HtmlView]) -> list[_Bundle]:
    pairs = zip(columns, views, strict=True)
    return [view.finished(column.what_came(), column.failure, column.label) for column, view in pairs]


def _final(columns: Sequence[Column], bundles: Sequence[_Bundle], failure: str) -> _Bundle:
    """The output that stays; its metadata is that of the reply that goes on in the conversation."""
    data = _beside([column.label for column in columns], [data for data, _ in bundles])
    add_failure(data, failure)
    kept = next((metadata for column, (_, metadata) in zip(columns, bundles, strict=True) if column.notes), {})
    return data, kept


def _beside(labels: Sequence[str], bundles: Sequence[dict[str, str]]) -> dict[str, str]:
    """Outputs next to each other.  Blocks in a line need no style sheet, and break where there is no room."""
    style = (
        f"display: inline-block; vertical-align: top; box-sizing: border-box; width: {_width(len(labels))}; "
        f"min-width: {_NARROWEST}; padding-right: 1em; white-space: normal"
    )
    pairs = list(zip(labels, bundles, strict=True))
    bodies = [data.get("text/html") or as_it_is(data["text/plain"]) for data in bundles]
    html = [
        f'<div style="{style}"><b>{plain(label)}</b>\n{body}</div>' for label, body in zip(labels, bodies, strict=True)
    ]
    return {
        "text/plain": "\n\n".join(f"== {visible(label)} ==\n{data['text/plain']}" for label, data in pairs),
        "text/markdown": "\n\n".join(
            f"**{inert_markdown(label)}**\n\n{data.get('text/markdown', '')}" for label, data in pairs
        ),
        "text/html": f"<div>{''.join(html)}</div>",
    }


def _width(columns: int) -> str:
    return f"{100 // columns - 1}%"
