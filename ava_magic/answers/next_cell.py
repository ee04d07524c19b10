"""A code block of a reply as the next thing that the user may run: in a new cell, or at the next prompt.

It is put there and no more: whoever reads it decides whether it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..controls import counted, visible
from ..errors import AvaError
from ..reply import Reply
from .code_blocks import CodeBlock, as_cell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["NextCell"]

_EACH_HAS_ITS_OWN = "each of several replies has its own, the first in _[0].code_blocks"


class NextCell:
    """The next cell of a shell, and the reply whose code can go there."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._last: Reply | Sequence[Reply] | None = None

    def take(self, last: Reply | Sequence[Reply]) -> None:
        """``last`` is what came last; where code was asked for, the first block of one reply goes there."""
        self._last = last
        if not isinstance(last, Reply):
            if last and last[0].format == "code":
                print(f"[none of the code is in the next cell: {_EACH_HAS_ITS_OWN}]")
        elif last.format == "code" and not last.partial:
            print(self.put(1) if last.code_blocks else "[there is no code block in the reply]")

    def put(self, number: int) -> str:
        """Put the code block of that number there; return a line about it.

        Raises :class:`AvaError` (``config``) where the last reply has fewer, where there is none, or several.
        """
        if self._last is None:
            raise AvaError("there is no reply yet to take code from", "config")
        if not isinstance(self._last, Reply):
            raise AvaError(_EACH_HAS_ITS_OWN, "config")
        blocks = self._last.code_blocks
        if number > len(blocks):
            has = counted(len(blocks), "code block") if blocks else "no code block"
            raise AvaError(f"the reply has {has}", "config")
        which = f"code block {number} of {len(blocks)}" if len(blocks) > 1 else "the code"
        if getattr(self._shell, "simple_prompt", False):
            return f"[{which} is in _.code_blocks[{number - 1}]: this prompt can take no text]"
        another = f"; %ava --code {number % len(blocks) + 1} takes another" if len(blocks) > 1 else ""
        return f"[{which} is {self._set(blocks[number - 1])}{another}]"

    def _set(self, block: CodeBlock) -> str:
        shell = self._shell
        cell = as_cell(block, lambda name: shell.find_cell_magic(name) is not None)
        shell.set_next_input(visible(cell), replace=False)
        return "in the next cell" if hasattr(shell, "kernel") else "at the next prompt"
