"""The conversation rebuilt from a notebook's file: each reply's output holds its exchange as metadata.

The notebook decides: turns stand in the order of its cells, anchored to the cells that hold them now.  A cell that was
deleted takes its turns along, one that was copied does not ask twice, and what is no record of ours is passed over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import AvaError
from .exchanges import Exchange
from .files import read_text
from .records import FORMAT, from_record

__all__ = ["Resumed", "find_notebook", "resume"]


@dataclass
class Resumed:
    """What a notebook holds of a conversation.

    Attributes:
        saved: when its file was written, in seconds since 1970.
        exchanges: the turns, in the order of the cells.
        unread: how many outputs say that they hold a turn and do not.
        others: how many turns there are of other conversations, by name.
        cells: the ids of its cells.
    """

    saved: float
    exchanges: list[Exchange] = field(default_factory=list)
    unread: int = 0
    others: Counter[str] = field(default_factory=Counter)
    cells: set[str] = field(default_factory=set)


class _Turn(NamedTuple):
    exchange: Exchange
    came_from: str | None  # the cell that asked; another one holds it where it was copied, or asked again by --retry
    is_retry: bool


def find_notebook(environ: Mapping[str, str], namespace: Mapping[str, Any], folder: Path) -> Path:
    """The file of the notebook whose kernel this is, where its front end tells.

    VS Code puts the path into the variable ``__vsc_ipynb_file__``, Jupyter's server into ``JPY_SESSION_NAME``
    (jupyter_server, ``SessionManager.get_kernel_env``): in full, or from a root that only the server knows, so it is
    looked for from ``folder``, where the kernel runs.  Raises :class:`AvaError` (``config``) where nobody tells, and
    where the file has gone since.
    """
    told = namespace.get("__vsc_ipynb_file__")
    if not (isinstance(told, str) and told):
        told = environ.get("JPY_SESSION_NAME", "")
    if not told:
        raise AvaError("nobody tells here which notebook this is; name its file: %ava --resume PATH", "config")
    path = told.rpartition(":")[2] if told.startswith("RTC:") else told  # the drive of shared notebooks
    for candidate in (folder / path, folder / Path(path).name):
        if candidate.is_file():
            return candidate
    raise AvaError(f"the notebook was {told} when its kernel started; name it: %ava --resume PATH", "config")


def resume(path: Path, name: str = "main") -> Resumed:
    """What the notebook at ``path`` holds of the conversation ``name``.

    Raises :class:`AvaError` (``config``) where it is no notebook.
    """
    text = read_text(path)
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        notebook = None
    if not (isinstance(notebook, dict) and isinstance(notebook.get("cells"), list)):
        raise AvaError(f"{path} is no notebook", "config")
    found = Resumed(path.stat().st_mtime)
    turns = list(_turns(notebook["cells"], name, found))
    found.exchanges = _put_together(turns)
    return found


def _turns(cells: list[Any], name: str, found: Resumed) -> Iterator[_Turn]:
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        cell_id = cell.get("id")
        if isinstance(cell_id, str):
            found.cells.add(cell_id)
        for record in _records(cell):
            if not (isinstance(record, dict) and record.get("format") == FORMAT):
                found.unread += 1
                continue
            chat = record.get("chat", "main")
            reply = record.get("reply")
            if chat is None or (isinstance(reply, str) and not reply.strip()):
                continue  # it was asked with -n, or failed, or came back empty
            if chat != name:
                found.others[str(chat)[:60]] += 1
                continue
            here = {"cell": cell_id, "number": cell.get("execution_count"), "aside": False}
            try:
                exchange = from_record(record.get("prompt"), reply, record | here)
            except ValueError:
                found.unread += 1
                continue
            yield _Turn(exchange, record.get("cell", cell_id), record.get("retry") is True)


def _records(cell: dict[Any, Any]) -> Iterator[Any]:
    """What the cell's outputs hold under our name, whatever it is."""
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        metadata = output.get("metadata") if isinstance(output, dict) else None
        if isinstance(metadata, dict) and "ava_magic" in metadata:
            yield metadata["ava_magic"]


def _put_together(turns: list[_Turn]) -> list[Exchange]:
    """The turns, each once, and what ``--retry`` brought in the place of what it replaced."""
    at_home = {_key(turn.exchange) for turn in turns if turn.came_from == turn.exchange.anchor.cell}
    asked = {_question(turn) for turn in turns if not turn.is_retry}
    retried = {_question(turn): turn.exchange for turn in turns if turn.is_retry}
    taken: set[Any] = set()
    exchanges: list[Exchange] = []
    for turn in turns:
        key = _key(turn.exchange)
        is_copy = key in at_home and turn.came_from != turn.exchange.anchor.cell
        if (key is not None and (key in taken or is_copy)) or (turn.is_retry and _question(turn) in asked):
            continue
        taken.add(key)
        answer = turn.exchange if turn.is_retry else retried.pop(_question(turn), turn.exchange)
        exchanges.append(replace(answer, anchor=turn.exchange.anchor))
    return exchanges


def _question(turn: _Turn) -> tuple[str, str]:
    """What a repeated answer has in common with the one that it replaces."""
    return str(turn.came_from), str(turn.exchange.prompt)


def _key(exchange: Exchange) -> tuple[float, str] | None:
    """What two outputs have in common where one is a copy of the other; ``None`` where an old one does not tell."""
    return (exchange.at, exchange.reply) if exchange.at else None
