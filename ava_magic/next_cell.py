"""A code block of a reply as the next thing that the user may run: in a new cell, or at the next prompt.

It is put there and no more: whoever reads it decides whether it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .code_blocks import as_cell
from .controls import visible
from .errors import AvaError
from .reply import Reply

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["offer_code"]


def offer_code(shell: InteractiveShell, reply: Reply, number: int = 1) -> str:
    """Put the code block of that ``number`` into the next cell; return a line about it.

    Raises :class:`AvaError` (``config``) where the reply has fewer.
    """
    blocks = reply.code_blocks
    if number > len(blocks):
        has = f"{len(blocks)} code block{'' if len(blocks) == 1 else 's'}" if blocks else "no code block"
        raise AvaError(f"the reply has {has}", "config")
    which = f"code block {number} of {len(blocks)}" if len(blocks) > 1 else "the code"
    another = f"; %ava --code {number % len(blocks) + 1} takes another" if len(blocks) > 1 else ""
    if getattr(shell, "simple_prompt", False):
        return f"[{which} is in _.code_blocks[{number - 1}]: this prompt can take no text]"
    cell = as_cell(blocks[number - 1], lambda name: shell.find_cell_magic(name) is not None)
    shell.set_next_input(visible(cell), replace=False)
    place = "in the next cell" if hasattr(shell, "kernel") else "at the next prompt"
    return f"[{which} is {place}{another}]"
