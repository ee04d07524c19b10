"""The Stop button: there where a click on it is served; elsewhere it gives up its place."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["StopButton"]

_COMES_WITHIN = 2.0  # seconds in which a front end that serves clicks says so


class StopButton:
    """Calls ``stop`` when it is clicked.  ``widget`` is what to show; it takes its place before it can be used."""

    def __init__(self, stop: Callable[[], None], kernel: Any, *, background: bool, tooltip: str) -> None:
        from ipywidgets import Button, Layout

        self.is_alive = False
        self._opened = time.monotonic()
        self._kernel = kernel
        self._background = background  # so a click comes through, between two cells at the latest
        may_come = background or _may_serve(kernel)
        self.widget = Button(
            description="Stop",
            icon="stop",
            tooltip=tooltip,
            # It takes its place from the start, where it may come: nothing moves when it does.
            layout=Layout(width="80px", height="24px", visibility="hidden", display="" if may_come else "none"),
        )
        self.widget.on_click(lambda _: stop())

    def wake(self) -> bool:
        """Come alive where a click is served by now; return whether that is new.

        A front end that serves none in time, as nbclassic does not, is left with no gap in that place.
        """
        if self.is_alive:
            return False
        if self._background or _serves_clicks(self._kernel):
            self.is_alive = True
            self.widget.layout.visibility = "visible"
            self.widget.layout.display = ""
        elif time.monotonic() - self._opened > _COMES_WITHIN:
            self.widget.layout.display = "none"
        return self.is_alive

    def close(self) -> None:
        """Leave nothing behind."""
        for model in (self.widget, self.widget.layout, self.widget.style):
            model.close()


def _may_serve(kernel: Any) -> bool:
    """Whether the kernel knows subshells at all (ipykernel 7)."""
    return getattr(kernel, "shell_channel_thread", None) is not None


def _serves_clicks(kernel: Any) -> bool:
    """Whether a click can arrive while a cell runs: the front end has opened a subshell for its widgets' messages.

    Without one (ipykernel before 7, JupyterLab before 4.4) a click waits until the cell is done: a dead button.
    """
    return _may_serve(kernel) and bool(kernel.shell_channel_thread.manager.list_subshell())
