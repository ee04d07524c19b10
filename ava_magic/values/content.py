"""What a message says: a text, or a text with pictures in it.

A prompt is made of pieces.  Where the endpoint takes images they go as the parts of OpenAI's content arrays, each at
the place where it was named; elsewhere the content is one plain string.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..halves import without_halves

__all__ = [
    "LARGEST_PICTURE",
    "Mixed",
    "Picture",
    "Piece",
    "image_urls",
    "in_whole_characters",
    "mime_of",
    "text_of",
    "without_images",
]

LARGEST_PICTURE = 3_750_000
"""Bytes of an image: no more than 5 MB in base64, which is the least that a service allows
(https://docs.anthropic.com/en/docs/build-with-claude/vision)."""

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

    def content(self, takes_images: bool) -> str | list[dict[str, Any]]:
        """The content of a message: a string, or where there is a picture that can go, a list of parts."""
        if not (takes_images and any(isinstance(piece, Picture) for piece in self.pieces)):
            return "".join(piece.text if isinstance(piece, Picture) else piece for piece in self.pieces)
        parts: list[dict[str, Any]] = []
        for is_picture, pieces in itertools.groupby(self.pieces, lambda piece: isinstance(piece, Picture)):
            if is_picture:
                parts += [_image(piece) for piece in pieces if isinstance(piece, Picture)]
            elif text := "".join(piece for piece in pieces if isinstance(piece, str)):
                parts.append({"type": "text", "text": text})
        return parts


def _image(picture: Picture) -> dict[str, Any]:
    url = f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode('ascii')}"
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


def in_whole_characters(content: Any) -> Any:
    """A message's content in which every text can be encoded."""
    if isinstance(content, str):
        return without_halves(content)
    if not isinstance(content, list):
        return content
    return [
        {**part, "text": without_halves(part["text"])}
        if isinstance(part, Mapping) and type(part.get("text")) is str
        else part
        for part in content
    ]


def without_images(messages: list[Any]) -> list[Any]:
    """OpenAI messages for a provider whose contents are strings."""
    return [
        {**message, "content": text_of(message["content"])} if isinstance(message.get("content"), list) else message
        for message in messages
    ]


def image_urls(content: Any) -> list[str]:
    """The addresses of the images in a message's content, in their order."""
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return [str(part["image_url"]["url"]) for part in parts if part.get("type") == "image_url"]
