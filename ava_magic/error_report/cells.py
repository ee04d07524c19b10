"""The notebook's cells, by the file names under which IPython compiles them."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable, Sequence

__all__ = ["Cells"]

_MAGIC = re.compile(r"\s*get_ipython\(\)\.run_cell_magic\(.*\s*", re.DOTALL)
_CELL = re.compile(r"<ipython-input-|.*[/\\]ipykernel_\d+[/\\]")
_MOST = 3  # cells that are shown
_AROUND = 30  # lines of a long cell that are shown on either side of one
_WIDTH = 300


class Cells:
    """Cells as they were ``typed`` and as they were ``run``, both by their numbers, as IPython's history has them.

    A cell's file name says its number only in some versions of IPython; its source in :mod:`linecache` does in all.
    """

    def __init__(self, typed: Sequence[str], run: Sequence[str]) -> None:
        self._typed = typed
        self._run = run
        self._numbers: dict[str, int] = {}

    def is_one(self, file: str) -> bool:
        """Whether a file name is a cell's."""
        return _CELL.match(file) is not None

    def name(self, file: str) -> str:
        """What a cell is called: ``In[3]``, or for one that is in no history ``a cell``."""
        number = self._number(file)
        return f"In[{number}]" if number else "a cell"

    def sources(self, places: Iterable[tuple[str, int]]) -> list[str]:
        """The cells of ``places``, each a file name and a line, with numbered lines, and those of the places marked.

        Of many cells the last ones are shown, and of a long one what is around its places.
        """
        marked: dict[str, set[int]] = {}
        for file, line in places:
            marked.setdefault(file, set()).add(line)
        return [self._source(file, marked[file]) for file in list(marked)[-_MOST:]]

    def line(self, file: str, number: int) -> str | None:
        """A line of a cell as it was typed, where another was run in its place, as for a magic; ``None`` elsewhere."""
        run, lines = "".join(linecache.getlines(file)).split("\n"), self._lines(file)
        place = self.place(file, number)
        if number > len(run) or place > len(lines) or run[number - 1] == lines[place - 1]:
            return None
        return lines[place - 1]

    def _source(self, file: str, places: set[int]) -> str:
        lines = self._lines(file)
        marked = {self.place(file, place) for place in places}
        shown = [f"{self.name(file)}:"]
        before = 0
        for number, line in enumerate(lines, start=1):
            if any(abs(number - place) <= _AROUND for place in marked):
                if number != before + 1:
                    shown.append(f"[lines {before + 1} to {number - 1} left out]")
                shown.append(f"{'->' if number in marked else '  '}{number:>4} {_cut(line)}".rstrip())
                before = number
        if before < len(lines):
            shown.append(f"[lines {before + 1} to {len(lines)} left out]")
        return "\n".join(shown)

    def _lines(self, file: str) -> list[str]:
        """A cell as it was typed; as it was run, where that has other lines: the numbers are of those."""
        run = "".join(linecache.getlines(file)).split("\n")
        typed = self._typed[number].split("\n") if (number := self._number(file)) else run
        while run and not run[-1].strip():
            run.pop()
        while typed and not typed[-1].strip():
            typed.pop()
        return typed if len(typed) == len(run) or self._magic_line(file) else run

    def place(self, file: str, line: int) -> int:
        """The line of a cell as it is shown that was run as ``line``."""
        return self._magic_line(file) or line

    def _magic_line(self, file: str) -> int:
        """The line of ``%%magic`` in a cell that was run as that magic's one call; 0 for another cell."""
        number = self._number(file)
        if not number or not _MAGIC.fullmatch(self._run[number]):
            return 0
        lines = enumerate(self._typed[number].split("\n"), start=1)
        return next((place for place, line in lines if line.startswith("%%")), 0)

    def _number(self, file: str) -> int:
        """A cell's number, 0 for one that is in no history."""
        if file not in self._numbers:  # each frame asks several times, and a history is long
            self._numbers[file] = self._find(file)
        return self._numbers[file]

    def _find(self, file: str) -> int:
        source = "".join(linecache.getlines(file)).rstrip()
        numbers = range(min(len(self._run), len(self._typed)) - 1, 0, -1)
        return next((number for number in numbers if source and self._run[number].rstrip() == source), 0)


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
