"""Settles blocks: tells which top-level Markdown blocks of a growing text can no longer change.

Pure.  What is settled is shown once and left alone; only the tail is painted again.
"""

from __future__ import annotations

import functools
import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .rules import add_display_math

__all__ = ["Blocks", "block_parser", "fence_around"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^\n]*\n")
_TABLE = re.compile(r"[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+[-:| \t]*\n")


class Blocks:
    """An incremental parser: :meth:`feed` it text in any cut; it tells which top-level blocks can no longer change.

    ``tail`` is the text of the block that may still grow, ``settled`` the number of characters that are settled.
    """

    def __init__(self) -> None:
        self.tail = ""
        self.settled = 0
        self._repeated = 0  # characters at the start of the tail that stand in what is settled already

    def feed(self, text: str) -> str:
        """Take more text; return the text of the blocks that it settles, ``""`` if it settles none.

        A block is settled when a later one has begun.  For that a line counts when it is whole, since the next
        character can turn ``#`` from a heading into a word; an unfinished line counts only where whatever it becomes
        must be a new block.
        """
        begun = bool(self.tail) and not self.tail.endswith("\n")
        self.tail += text
        if begun and "\n" not in text:
            return ""
        whole, newline, unfinished = self.tail.rpartition("\n")
        lines = [*whole.split("\n"), unfinished] if newline else [unfinished]
        last = len(lines) - 1  # the unfinished line
        # A formula that is still open is no block to the parser, and its lines could be anything: it is closed first.
        blocks = [
            token
            for token in block_parser().parse(f"{whole}\n\\]\n$$\n")
            if token.map is not None and token.level == 0 and token.nesting >= 0 and token.map[0] < last
        ]
        starts = [token.map[0] for token in blocks if token.map is not None]
        if blocks and unfinished.strip() and _is_closed(blocks[-1], last):
            starts.append(last)
        if len(starts) < 2:
            return ""
        return self._settle(len("\n".join(lines[: starts[-1]])) + 1)

    def split(self, least: int) -> str:
        """Settle part of the tail: up to the first line end after ``least`` characters of the text, or up to a space.

        For a block that has grown too large to be painted again and again.  The rest goes on as a block of the same
        kind: a fence is opened anew, a table begins with its header, as on a new page.  Returns the text of what is
        settled, ``""`` where there is no place to split.
        """
        position = least - self.settled + self._repeated
        fence = _FENCE.match(self.tail)
        header = fence or _TABLE.match(self.tail)
        place = self.tail.find("\n", position) + 1
        if not place and header is None:
            place = self.tail.find(" ", position) + 1
        if not place or (header and place <= header.end()):
            return ""
        settled = self._settle(place)
        if header is None or (fence and re.search(rf"^ {{0,3}}{fence[1]}", settled[fence.end() :], re.MULTILINE)):
            return settled
        self.tail = header.group() + self.tail
        self._repeated = header.end()
        return f"{settled}{fence[1]}\n" if fence else settled

    def finish(self) -> str:
        """The end has come: return the rest."""
        rest = self.tail
        self._settle(len(rest))
        return rest

    def _settle(self, length: int) -> str:
        settled, self.tail = self.tail[:length], self.tail[length:]
        self.settled += length - self._repeated
        self._repeated = 0
        return settled


@functools.cache
def block_parser() -> MarkdownIt:
    """A parser that finds blocks, and leaves what is in them alone."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100})
    parser.enable("table")
    add_display_math(parser)
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _is_closed(block: Token, lines: int) -> bool:
    """Whether the last block of ``lines`` whole lines is over, so that any next line begins another one."""
    can_go_on_after_a_blank_line = block.type in ("bullet_list_open", "ordered_list_open", "code_block")
    return block.map is not None and block.map[1] < lines and not can_go_on_after_a_blank_line


def fence_around(text: str) -> str:
    """A fence of backticks, three or more, that no line of ``text`` can close."""
    return "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
