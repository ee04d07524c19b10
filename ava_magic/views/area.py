"""The area on a page in which something is under way: a widget, and at its end an ordinary output in its place.

A page that is opened meanwhile shows the widget and has no display that could be updated: it was not there when the
cell began.  So the area of what took long enough for somebody to leave and come back stays, with the whole output in
it, until the next cell is run.
"""

from __future__ import annotations

import functools
import time
from typing import Any

from ..between_cells import at_next_cell

__all__ = ["close_tree", "new_area", "retire", "widget_view"]

_LONG_ENOUGH_TO_LEAVE = 15.0  # seconds


def new_area(children: list[Any], layout: Any) -> Any:
    """An area with ``children``, which is not on the screen yet; they may share its ``layout``."""
    return _area_class()(children, layout=layout)


def widget_view(widget: Any, words: str) -> dict[str, Any]:
    """A widget as an output; ``words`` stand in its place where no widgets are shown."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view, "text/plain": words}


def retire(area: Any, output: Any, data: dict[str, str], metadata: dict[str, Any]) -> None:
    """Close ``area``, in whose place ``data`` stands now; or leave it for a while, with the data in ``output``."""
    if area.was_restored or time.monotonic() - area.opened >= _LONG_ENOUGH_TO_LEAVE:
        area.children = [output]
        output.outputs = ({"output_type": "display_data", "data": data, "metadata": metadata},)
        at_next_cell(functools.partial(_close_unless_shown, area, output))
    else:
        _close(area, output)


def close_tree(widget: Any) -> None:
    """Close a widget, all that is in it, and the models of their looks."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for model in (widget, widget.layout, getattr(widget, "style", None)):
        if model is not None:
            model.close()


def _close_unless_shown(area: Any, output: Any) -> None:
    """Close the area of what has ended, but for one that a page shows which was opened anew meanwhile."""
    if not area.was_restored:
        _close(area, output)


def _close(area: Any, output: Any) -> None:
    for model in (area, output, area.layout):
        model.close()


@functools.cache
def _area_class() -> Any:
    from ipywidgets import VBox

    class Area(VBox):  # type: ignore[misc]  # ipywidgets has no types
        """Notices when a page asks for its whole state: it was opened anew."""

        was_restored = False

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.opened = time.monotonic()
            super().__init__(*arguments, **options)

        def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
            if key is None and getattr(self, "comm", None) is not None:
                self.was_restored = True
            return super().get_state(key=key, drop_defaults=drop_defaults)

    return Area
