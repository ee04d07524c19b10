"""What an answer can be asked for as: a row for each format, for parsing, help, completion and showing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["FORMATS", "Format"]


class Format(NamedTuple):
    """One format: what help says of it, and how an answer is shown.

    That is as Markdown, or with a ``language`` as one block of code in it: in any case, or only where the answer
    begins with one of the characters in ``opening``.
    """

    help: str
    language: str = ""
    opening: str = ""


FORMATS: Mapping[str, Format] = {
    "markdown": Format("markdown"),
    "text": Format("text", "text"),
    "code": Format("code, the first block to the next cell"),
    "json": Format("json", "json", opening="{["),  # JSON in prose or in a fence of its own is Markdown already
}
"""The formats by the name that ``-f`` takes."""
