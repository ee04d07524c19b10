"""Files that go along with a question: texts as text with their name, images as images, nothing else.

A path is taken as it stands: ``~`` is the home directory, and a ``*`` is no pattern.
"""

from __future__ import annotations

import stat
from pathlib import Path

from ..controls import one_line
from ..environment import from_home
from ..errors import AvaError
from ..markdown.blocks import fence_around
from ..values.content import LARGEST_PICTURE, Picture, Piece, mime_of

__all__ = ["LARGEST_TEXT", "attach"]

LARGEST_TEXT = 200_000
"""Bytes of a text file.  It goes whole or not at all."""

_PDF = b"%PDF-"  # some are in ASCII throughout, and no text for that
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def attach(path: str) -> Piece:
    """The file at ``path`` as a piece of a prompt.  Raises :class:`AvaError` (``config``) for what cannot go."""
    name = one_line(Path(path).name or path, 100)
    data = _read(from_home(path), path)
    if mime := mime_of(data):
        return Picture(data, mime, f"[the image {name}]")
    text = None if data.startswith(_PDF) else _decoded(data)
    if text is None:
        raise AvaError(
            f"{path} is neither text in UTF-8 nor a PNG, JPEG, GIF or WebP image, so it cannot be attached", "config"
        )
    if len(data) > LARGEST_TEXT:
        raise AvaError(_too_large(path, len(data), LARGEST_TEXT), "config")
    fence = fence_around(text)
    return f"\n\nThe file {name}:\n{fence}\n{text.removesuffix(chr(10))}\n{fence}\n"


def _read(path: Path, typed: str) -> bytes:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise AvaError(f"{typed} is a directory: attach the files in it, each by --attach", "config")
        if not stat.S_ISREG(about.st_mode):  # to read a pipe or a device may never end
            raise AvaError(f"{typed} is no regular file, so it cannot be attached", "config")
        if about.st_size > LARGEST_PICTURE:
            raise AvaError(_too_large(typed, about.st_size, LARGEST_PICTURE), "config")
        return path.read_bytes()
    except FileNotFoundError:
        raise AvaError(f"there is no file {typed}; a relative path begins at {Path.cwd()}", "config") from None
    except (OSError, ValueError) as error:
        raise AvaError(f"{typed} cannot be read: {getattr(error, 'strerror', None) or error}", "config") from None


def _decoded(data: bytes) -> str | None:
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _too_large(path: str, size: int, limit: int) -> str:
    return f"{path} is too large to attach: {size:,} bytes, of {limit:,} at most; attach a part of it"
