"""What a message says: a text, or a text with pictures in it.

A prompt is made of pieces.  Where the endpoint takes images they go as the parts of OpenAI's content arrays, each at
the place where it was named; elsewhere the content is one plain string.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["Mixed", "Picture", "image_urls", "mime_of", "text_of"]

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


class Picture(NamedTuple):
    """An image: its encoded bytes, their MIME type, and the text that stands for it where no image can."""

    data: bytes
    mime: str
    text: str


Piece = str | Picture


@dataclass(frozen=True, slots=True)
class Mixed:
    """Text and pictures in their order."""

    pieces: Sequence[Piece]

    @property
    def pictures(self) -> list[Picture]:
        """The pictures alone."""
        return [piece for piece in self.pieces if isinstance(piece, Picture)]

    def content(self, takes_images: bool) -> str | list[dict[str, Any]]:
        """The content of a message: a string, or where there is a picture that can go, a list of parts."""
        if not (takes_images and self.pictures):
            return "".join(piece.text if isinstance(piece, Picture) else piece for piece in self.pieces)
        return [_part(piece) for piece in self.pieces if piece]


def _part(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    url = f"data:{piece.mime};base64,{base64.b64encode(piece.data).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def mime_of(data: bytes) -> str:
    """The type of an image that models take, by its first bytes; ``""`` for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES.items() if data.startswith(signature)), "")


def text_of(content: Any) -> str:
    """A message's content as text alone; ``[image]`` stands where one is."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return str(content)
    return "".join(str(part.get("text", "[image]")) for part in content if isinstance(part, Mapping))


def image_urls(content: Any) -> list[str]:
    """The addresses of the images in a message's content, in their order."""
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return [str(part["image_url"]["url"]) for part in parts if part.get("type") == "image_url"]
