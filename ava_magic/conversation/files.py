"""Conversations in files: written whole or not at all, readable by their owner alone, and never over somebody's notes.

Every error is one line that names the file; the conversation and the file are then as they were.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..atomic import write_whole
from ..controls import one_line
from ..environment import from_home
from ..errors import AvaError
from .conversation import Conversation
from .exchanges import Exchange
from .formats import from_json, from_markdown, is_conversation, to_json, to_markdown

__all__ = ["load", "read_text", "save"]

_Format = tuple[Callable[[Conversation], str], Callable[[str], list[Exchange]]]
_FORMATS: Mapping[str, _Format] = {".json": (to_json, from_json), ".md": (to_markdown, from_markdown)}
_LARGEST = 256 * 1024 * 1024  # bytes


def save(conversation: Conversation, path: str | Path) -> Path:
    """Write ``conversation`` to ``path`` (``.json`` or ``.md``); return the path in full.

    Raises :class:`AvaError` (``config``) where it cannot be written, and for a file that is something else.
    """
    path = _full(path)
    to_text, _ = _format(path)
    if not conversation:
        raise AvaError(f"the conversation {conversation.name} is empty: there is nothing to save", "config")
    with _one_line_for(path):
        if path.exists() and not (path.is_file() and is_conversation(_beginning(path))):
            raise AvaError(f"{path} is there, and no saved conversation; give another name", "config")
        write_whole(path, to_text(conversation), private=True)
    return path


def load(path: str | Path) -> list[Exchange]:
    """The exchanges that ``path`` holds.  Raises :class:`AvaError` (``config``) where it holds none that were saved."""
    path = _full(path)
    _, from_text = _format(path)
    text = read_text(path)
    try:
        return from_text(text)
    except AvaError as error:
        raise AvaError(f"{path}: {error}", "config") from None


def read_text(path: Path) -> str:
    """The text of ``path``.  Raises :class:`AvaError` (``config``) where it cannot be read, or is not a text."""
    with _one_line_for(path):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:  # a pipe would be waited for
            raise AvaError(f"{path} is no file that can be read as a text", "config")
        return path.read_bytes().decode("utf-8-sig")


@contextmanager
def _one_line_for(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise AvaError(f"{path} is not a text in UTF-8", "config") from None
    except OSError as error:
        raise AvaError(f"{path}: {error.strerror or type(error).__name__}", "config") from None


def _full(path: str | Path) -> Path:
    """``path`` from its root, a link followed to what it points to."""
    try:
        return from_home(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a NUL
        raise AvaError(f"{one_line(str(path))!r} is no path: {one_line(str(error))}", "config") from None


def _format(path: Path) -> _Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise AvaError(f"{path.name} must end in {' or '.join(_FORMATS)}: it says how to write it", "config") from None


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(200).decode("utf-8-sig", "ignore")
