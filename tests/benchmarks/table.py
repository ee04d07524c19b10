"""The figures as they are printed: one line for each, as soon as it is there, aligned or as a row in Markdown."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HEAD", "MARKDOWN_HEAD", "Row"]


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

    @property
    def verdict(self) -> str:
        return {True: "kept", False: "SHORT", None: ""}[self.kept]

    def in_markdown(self, name: str) -> str:
        """The row of the benchmark ``name``."""
        cells = (f"`{name}`", self.what, self.ours, self.theirs, self.ratio, self.promise, self.verdict)
        return f"| {' | '.join(cells)} |"

    def __str__(self) -> str:
        figures = f"{self.ours:>13}{self.theirs:>13}{self.ratio:>9}{self.promise:>12}"
        return f"{self.what:<58}{figures}  {self.verdict}".rstrip()


HEAD = Row("what", "ours", "theirs", "ratio", "promise")
MARKDOWN_HEAD = """
| benchmark | what | ours | theirs | ratio | promise | |
| --- | --- | ---: | ---: | ---: | ---: | --- |
""".strip()
