"""How a reply of each format is shown, while it grows and when it is whole."""

from __future__ import annotations

from ..controls import visible
from ..markdown.html import CODE_FONT, plain, to_html
from .formats import FORMATS

__all__ = ["AsMarkdown", "as_html", "as_markdown"]

_FENCE = "~" * 8  # no JSON has a line of these, and hardly a text


class AsMarkdown:
    """A growing answer as Markdown that shows it as its format wants: :meth:`feed` it in any cut, then :meth:`finish`.

    Its row in :data:`FORMATS` tells what becomes one block of code.
    """

    def __init__(self, reply_format: str) -> None:
        self._format = FORMATS[reply_format]
        self._decided = not self._format.language
        self._in_fence = False
        self._held = ""

    def feed(self, text: str) -> str:
        """Take more of the answer; return what of its Markdown can be told by now."""
        if self._decided:
            return text
        text, self._held = self._held + text, ""
        if not (start := text.lstrip()):
            self._held = text
            return ""
        self._decided = True
        self._in_fence = not self._format.opening or start[0] in self._format.opening
        return f"{_FENCE}{self._format.language}\n{text}" if self._in_fence else text

    def finish(self) -> str:
        """The end of the answer: return what closes it.  Another one may follow."""
        closing = f"\n{_FENCE}\n" if self._in_fence else self._held
        self._decided, self._in_fence, self._held = not self._format.language, False, ""
        return closing


def as_markdown(text: str, reply_format: str) -> str:
    """A whole answer as Markdown."""
    form = AsMarkdown(reply_format)
    return form.feed(text) + form.finish()


def as_html(text: str, reply_format: str) -> str:
    """A whole answer as safe HTML.  A ``text`` is shown as it is, in lines that are as long as the page is wide."""
    if reply_format == "text":
        return f'<pre style="{CODE_FONT}; white-space: pre-wrap">{plain(visible(text))}</pre>'
    return to_html(as_markdown(text, reply_format))
