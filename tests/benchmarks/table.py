"""The figures as they are printed: one aligned line for each, as soon as it is there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HEAD", "Row"]


@dataclass(frozen=True)
class Row:
    """One figure.

    All but ``kept`` is printed as it is, with its unit; ``ratio`` is ours over theirs unless ``what`` says otherwise.
    ``kept`` says whether ours keeps the promise, ``None`` where there is nothing to keep.
    """

    what: str
    ours: str = ""
    theirs: str = ""
    ratio: str = ""
    promise: str = ""
    kept: bool | None = None

    def __str__(self) -> str:
        verdict = {True: "kept", False: "SHORT", None: ""}[self.kept]
        figures = f"{self.ours:>13}{self.theirs:>13}{self.ratio:>9}{self.promise:>12}"
        return f"{self.what:<58}{figures}  {verdict}".rstrip()


HEAD = Row("what", "ours", "theirs", "ratio", "promise")
