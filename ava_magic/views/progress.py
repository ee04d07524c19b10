"""How far many questions are: tqdm's bar, with the rate, the time left, the tokens and what failed.

tqdm draws; the clock is ours, so that a notebook gets at most five messages a second whatever the rate, and nothing is
drawn for a result.  Its average over the whole run leaves out what was found in a file.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..controls import one_line, visible
from ..many.each import Batch
from ..many.replies import Replies
from ..markdown.html import plain
from . import HOW_TO_STOP, View, screen_of
from .ending import add_failure
from .place import Place
from .plain import Afterwards

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["ProgressView", "choose_progress"]

_WIDGET_FRAME = 0.8  # seconds: a frame of tqdm's widgets is up to three messages
_FRAME = 0.25
_TERMINAL_FRAME = 0.1


class ProgressView(View[Replies], Protocol):
    """A view of a batch."""

    leaves_table: bool
    """Whether its end shows the whole table, so that it is not shown once more."""


def choose_progress(
    batch: Batch, *, stop: Callable[[], None], shell: InteractiveShell, display: str, question: str, background: bool
) -> ProgressView:
    """The view of a batch that fits the screen; as :func:`ava_magic.views.choose` does for one reply."""
    screen = screen_of(shell, display, sys.stderr)
    if screen == "widgets":
        return WidgetProgress(batch, stop, getattr(shell, "kernel", None), background=background)
    if screen == "updates":
        return UpdatedProgress(batch, background=background)
    if background:
        return Afterwards(PlainProgress(batch), question)
    if screen == "terminal":
        return TerminalProgress(batch)
    return PlainProgress(batch)


def _new_bar(cls: Any, batch: Batch, **options: Any) -> Any:
    """A bar of tqdm's class ``cls`` that shows how far ``batch`` is, starts no thread, and draws when it is told to."""
    quiet = type("Bar", (cls,), {"monitor_interval": 0})
    bar = quiet(total=batch.progress.total, smoothing=0, dynamic_ncols=True, **options)
    _update(bar, batch)
    return bar


def _update(bar: Any, batch: Batch) -> bool:
    """Bring ``bar`` up to date, not drawn yet; false where nothing has changed but the time."""
    progress = batch.progress
    parts = [f"{progress.tokens:,} tokens"]
    if progress.found:
        parts.append(f"{progress.found:,} from the file")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if batch.throttle.waiting:
        parts.append(f"waits: {one_line(batch.throttle.waiting[0], 40)}")
    before = bar.n, bar.postfix
    bar.n, bar.initial = progress.done, progress.found
    bar.set_postfix_str(", ".join(parts), refresh=False)
    return (bar.n, bar.postfix) != before


class WidgetProgress:
    """tqdm's widgets with a Stop button beside them; at the end the table stands in their place."""

    leaves_table = True

    def __init__(self, batch: Batch, stop: Callable[[], None], kernel: Any, *, background: bool) -> None:
        self._batch = batch
        self._stop = stop
        self._kernel = kernel
        self._background = background
        self._place = Place()

    def open(self) -> None:
        from ipywidgets import HTML, HBox, Layout, Output
        from tqdm.notebook import tqdm

        from .area import new_area, widget_view
        from .stop_button import StopButton

        self._bar = _new_bar(tqdm, self._batch, display=False)
        self._bar.container.layout.width = "70%"
        self._button = StopButton(
            self._stop, self._kernel, background=self._background, tooltip="Stop, and keep what is done"
        )
        self._how = HTML("" if self._background else f"<small>{plain(HOW_TO_STOP)}</small>")
        self._row = HBox([self._button.widget, self._bar.container, self._how], layout=Layout(flex_flow="row wrap"))
        self._output = Output()
        self._area = new_area([self._row], self._output.layout)
        self._place.show(widget_view(self._area, _BEGUN))

    def paint(self) -> float:
        if self._button.wake():
            self._how.value = ""
        _update(self._bar, self._batch)
        self._bar.refresh()
        return _WIDGET_FRAME

    def close(self, reply: Replies | None, failure: str = "") -> None:
        from .area import close_tree, retire

        data = _final(reply, failure)
        self._place.update(data)
        retire(self._area, self._output, data, {})
        self._button.close()
        self._row.children = self._row.children[1:]
        close_tree(self._row)
        self._bar.disp = _draw_nothing  # its widgets are closed
        self._bar.close()


class UpdatedProgress:
    """The bar as a line of text, for a front end without widgets."""

    leaves_table = True

    def __init__(self, batch: Batch, *, background: bool) -> None:
        self._batch = batch
        self._background = background
        self._place = Place()

    def open(self) -> None:
        from tqdm import tqdm

        self._bar = _new_bar(tqdm, self._batch, file=io.StringIO(), ncols=100)
        self._place.show(self._data())

    def paint(self) -> float:
        if _update(self._bar, self._batch):
            self._place.update(self._data())
        return _FRAME

    def close(self, reply: Replies | None, failure: str = "") -> None:
        data = _final(reply, failure)
        self._place.finish(data, background=self._background)
        self._bar.close()

    def _data(self) -> dict[str, str]:
        line = f"{self._bar} \u00b7 {HOW_TO_STOP}"
        return {"text/plain": line, "text/html": f"<small><code>{plain(line)}</code></small>"}


class TerminalProgress:
    """The bar on the terminal's last line, which stays when it is done."""

    leaves_table = False

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def open(self) -> None:
        from tqdm import tqdm

        if self._batch.note:
            sys.stderr.write(f"{visible(self._batch.note)}\n")
        self._bar = _new_bar(tqdm, self._batch, file=sys.stderr)

    def paint(self) -> float:
        _update(self._bar, self._batch)
        self._bar.refresh()
        return _TERMINAL_FRAME

    def close(self, reply: Replies | None, failure: str = "") -> None:
        self.paint()
        self._bar.close()
        if failure:
            sys.stderr.write(f"{visible(failure)}\n")


class PlainProgress:
    """One line at the end, for a pipe, a log, and any screen that can show no more."""

    leaves_table = False

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def open(self) -> None:
        if self._batch.note:
            sys.stdout.write(f"[{visible(self._batch.note)}]\n")

    def paint(self) -> float:
        return 1.0

    def close(self, reply: Replies | None, failure: str = "") -> None:
        if reply is not None:
            sys.stdout.write(f"[{visible(reply.footer())}]\n")
        if failure:
            sys.stdout.write(f"{visible(failure)}\n")
        sys.stdout.flush()


_BEGUN = "Many questions were asked; their replies will stand here."


def _draw_nothing(*arguments: object, **options: object) -> None:
    """What a bar draws once it is closed."""


def _final(replies: Replies | None, failure: str) -> dict[str, str]:
    data = {"text/plain": "", "text/html": ""} if replies is None else replies._repr_mimebundle_()
    add_failure(data, failure)
    return data
