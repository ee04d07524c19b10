"""Half characters: one of the two UTF-16 units of a character, alone in a ``str``.

JSON can escape them (``"\\ud83d"``), a file's name may hold them (PEP 383), and some services cut content between the
two.  They cannot be encoded, so that neither a message to a front end nor a request can hold one.  Pure.
"""

from __future__ import annotations

import re

__all__ = ["PairJoiner", "without_halves"]

_HALF = re.compile("[\ud800-\udfff]")


class PairJoiner:
    """An incremental parser: :meth:`feed` it text in any cut, then :meth:`finish`.

    A pair that was cut is joined; a half that stays alone becomes U+FFFD.  ``half`` is what waits for its other half.
    """

    def __init__(self) -> None:
        self.half = ""

    def feed(self, text: str) -> str:
        """Take more text; return it in whole characters.  A half at its end is held back."""
        if not self.half and (text.isascii() or not _HALF.search(text)):
            return text
        text = self.half + text
        self.half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self.half = text[-1]
            text = text[:-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def finish(self) -> str:
        """The end has come: return what stands for a half that was held back."""
        rest, self.half = self.half, ""
        return without_halves(rest)


def without_halves(text: str) -> str:
    """``text`` with U+FFFD for each half."""
    return _HALF.sub("\ufffd", text)
