"""How IPython shows a value, asked for a prompt instead of for the screen.

IPython's formatters print a traceback where a value's own code fails, and are off for what a terminal cannot show.  So
what they would call is called here, and what it raises is the caller's to tell.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from IPython.utils.dir2 import get_real_method

from .content import LARGEST_PICTURE, Picture, mime_of
from .lookup import class_called, is_a, module_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["ShellDisplay", "visible_names"]

_RICH = ("text/markdown", "text/latex")
_FOR_THE_USER = ("exit", "quit", "get_ipython", "open")  # what IPython itself puts among the user's names


def visible_names(shell: InteractiveShell) -> dict[str, Any]:
    """The user's namespace, less what IPython has put there and no prompt means.

    ``In`` holds the cells as they were typed: IPython's own holds what became of their magics.
    """
    hidden, history = shell.user_ns_hidden, shell.history_manager
    names = {
        name: value
        for name, value in shell.user_ns.items()
        if not (name in _FOR_THE_USER and hidden.get(name) is value)
    }
    if history is not None and names.get("In") is history.input_hist_parsed:
        names["In"] = history.input_hist_raw
    return names


class ShellDisplay:
    """Shows values by the formatters of ``shell``, those that the user registered there among them."""

    def __init__(self, shell: InteractiveShell) -> None:
        display: Any = shell.display_formatter
        self._display = display
        self._formatters = display.formatters

    def text(self, value: Any) -> str | None:
        """As Markdown or LaTeX if the value offers that, else as plain text."""
        bundle: dict[str, Any] = {}
        if module_of(type(value)) != "builtins":
            bundle = self._bundle(value)
            for mime in _RICH:
                if words := _asked(self._formatters[mime], value, bundle.get(mime)):
                    return str.__str__(words) if is_a(words, str) else None
        plain = self._formatters["text/plain"]
        words = bundle.get("text/plain")
        if words is not None and is_a(words, str) and _registered(plain, value) is None:
            return str.__str__(words)
        show = type(plain).__call__
        words = getattr(show, "__wrapped__", show)(plain, value)  # less the wrapper that prints a traceback
        return str.__str__(words) if is_a(words, str) else None

    def picture(self, value: Any) -> Picture | None:
        """As an image: figures of matplotlib and plotly, and what gives one as IPython's methods do."""
        data = _figure(value)
        bundle = {} if data is not None else self._bundle(value)
        for kind in ("png", "jpeg"):
            # A photograph that is too large as PNG may well go as JPEG.
            if data is None or len(data) > LARGEST_PICTURE:
                shown = bundle.get(f"image/{kind}")
                if shown is None and (method := get_real_method(value, f"_repr_{kind}_")) is not None:
                    shown = method()
                data = _bytes(shown) or data
        if data is None or not (mime := mime_of(data)):
            return None
        return Picture(data, mime, self.text(value) or "[image]")

    def _bundle(self, value: Any) -> dict[str, Any]:
        """All the forms that a value gives at once, by their MIME types; none for one that displays itself."""
        itself = self._display.ipython_display_formatter
        if _registered(itself, value) is not None or get_real_method(value, itself.print_method) is not None:
            return {}
        formatter = self._display.mimebundle_formatter
        shown = _asked(formatter, value, include=None, exclude=None)
        if type(shown) is tuple and shown:  # with metadata behind it
            shown = shown[0]
        return shown if type(shown) is dict else {}


def _asked(formatter: Any, value: Any, given: Any = None, **options: Any) -> Any:
    """What a formatter makes of a value: by the function registered for its type, or by its own method.

    What the value has ``given`` already stands in for the latter, which takes the ``options``.
    """
    if (show := _registered(formatter, value)) is not None:
        return show(value)
    if given is not None:
        return given
    method = get_real_method(value, formatter.print_method)
    return None if method is None else method(**options)


def _registered(formatter: Any, value: Any) -> Any:
    """The function that is registered for the type of a value, or ``None``."""
    try:
        return formatter.lookup(value)
    except KeyError:
        return None


def _figure(value: Any) -> bytes | None:
    """A figure as PNG, drawn by its own library; ``None`` for other values, and where the library cannot."""
    artist: Any = class_called("matplotlib.artist", "Artist")
    if artist is not None and is_a(value, artist):
        from IPython.core.pylabtools import print_figure

        figure: Any = class_called("matplotlib.figure", "Figure")
        axes: Any = class_called("matplotlib.axes", "Axes")
        whole = artist.get_figure(value) if axes is not None and is_a(value, axes) else value
        return _bytes(print_figure(whole, "png")) if figure is not None and is_a(whole, figure) else None
    plotly: Any = class_called("plotly.basedatatypes", "BaseFigure")
    if plotly is not None and is_a(value, plotly):
        try:
            return _bytes(plotly.to_image(value, format="png"))
        except Exception:  # it draws images only where kaleido and a browser are installed
            return None
    return None


def _bytes(shown: Any) -> bytes | None:
    """The image in what a ``_repr_png_`` returns: bytes, base64, or either with metadata."""
    if type(shown) is tuple and shown:
        shown = shown[0]
    if type(shown) is str:
        try:
            return base64.b64decode(shown)
        except ValueError:
            return None
    return shown if type(shown) is bytes else None
