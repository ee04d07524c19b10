"""The end of a reply in a notebook: the output that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..controls import visible
from ..conversation.kept import record_of
from ..markdown.blocks import Blocks
from ..markdown.html import as_it_is, plain, to_html
from ..reply import Reply
from .fresh import Fresh

if TYPE_CHECKING:
    from ..turn import Turn

__all__ = ["add_failure", "final_bundle", "is_in_haste", "put_together"]


def final_bundle(
    reply: Reply | None, turn: Turn, painted: str | None = None, failure: str = "", under: str = ""
) -> tuple[dict[str, str], dict[str, Any]]:
    """The output that stays: its data in three forms, and the turn as metadata, for ``--resume``.

    ``painted`` and ``under`` are as :meth:`~ava_magic.Reply.as_output` takes them.  Where nothing came the output is
    empty but for a ``failure``; of a cell that waited, the line that says why stands below it, where a traceback would.
    """
    data = {"text/plain": "", "text/html": ""}
    if reply is not None:
        data = reply.as_output(painted, under=under)
    add_failure(data, failure)
    return data, {} if reply is None else {"ava_magic": record_of(turn)}


def add_failure(data: dict[str, str], failure: str) -> None:
    """Let an output tell what went wrong below what it shows; ``""``: nothing did."""
    if failure:
        data["text/plain"] += f"\n{visible(failure)}"
        data["text/html"] += f'<p role="alert">{plain(failure)}</p>'


def is_in_haste(reply: Reply | None, fresh: Fresh) -> bool:
    """Whether a reply was stopped that takes long to render: who stops it does not wait for that."""
    return reply is not None and reply.partial and fresh.takes_long(len(reply.text) + len(reply.reasoning))


def put_together(painted: str, blocks: Blocks, fresh: Fresh) -> str:
    """The HTML of a reply that was stopped: what is ``painted``, and what is not yet, as the text that it is."""
    tail, rest = blocks.finish(), fresh.read()
    cut = len(tail)
    if fresh.takes_long(len(tail)):
        cut = 0
    elif rest:
        cut = max(tail.rfind("\n"), tail.rfind(" ")) + 1  # no word is torn apart
    html = painted + to_html(tail[:cut])
    return html + as_it_is(tail[cut:] + rest) if tail[cut:] + rest else html
