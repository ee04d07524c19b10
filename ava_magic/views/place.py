"""Where something is shown on a page: an output that is brought up to date for as long as it is under way.

An ``Output`` widget of the user's catches what is displayed inside it, and no update of that (jupyterlab-manager's
output model takes no ``update_display_data``, *measured* in JupyterLab 4.6 and Voilà 0.5: the reply was never seen, or
gone at its end).  In there the place is an ``Output`` of its own, which stays as long as the user's does.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display, update_display

from ..between_cells import at_next_cell
from .area import widget_view

__all__ = ["Place"]


class Place:
    """One output in the current cell; ``data`` is by MIME type."""

    def __init__(self) -> None:
        self._display_id = uuid.uuid4().hex
        self._own_output: Any = None

    def show(self, data: dict[str, Any]) -> None:
        """Take the place, and show ``data`` in it."""
        if _is_in_output_widget():
            from ipywidgets import Layout, Output

            self._own_output = Output(layout=Layout(margin="0"))
            self.update(data)
            data = widget_view(self._own_output, data["text/plain"])
        display(data, raw=True, display_id=self._display_id)

    def update(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Show ``data`` in place of what is there."""
        metadata = metadata or {}
        if self._own_output is not None:
            self._own_output.outputs = ({"output_type": "display_data", "data": data, "metadata": metadata},)
        else:
            update_display(data, metadata=metadata, raw=True, display_id=self._display_id)

    def finish(self, data: dict[str, Any], metadata: dict[str, Any] | None = None, *, background: bool) -> None:
        """Show what stays; of what ran in the background once more when the next cell begins.

        A client that runs one cell after the other (nbclient) listens only while one runs, and a reply may end in
        between.  The second time is arranged before the first is sent, which may be what the next cell waits for.
        """
        if background:
            at_next_cell(lambda: self.update(data, metadata))
        self.update(data, metadata)


def _is_in_output_widget() -> bool:
    """Whether an ``Output`` widget catches what is displayed now: it names the request whose outputs it takes."""
    publisher: Any = getattr(get_ipython(), "display_pub", None)
    header = getattr(publisher, "parent_header", None)
    request = header.get("msg_id") if isinstance(header, dict) else None
    return request is not None and any(getattr(widget, "msg_id", None) == request for widget in _widgets())


def _widgets() -> Iterable[Any]:
    """Every widget that is open; none where nobody has loaded ipywidgets."""
    module: Any = sys.modules.get("ipywidgets.widgets.widget")
    if module is None:
        return ()
    instances = getattr(module, "_instances", None)  # ipywidgets 8
    return list((module.Widget.widgets if instances is None else instances).values())
