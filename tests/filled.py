"""A prompt with values put in, as a text."""

from __future__ import annotations

from typing import Any

from ava_magic.prompt.fields import interpolate
from ava_magic.values.content import Picture

__all__ = ["Repr", "fill"]


class Repr:
    def text(self, value: Any) -> str:
        return f"shown: {type(value).__name__}"

    def picture(self, value: Any) -> Picture | None:
        return None


def fill(typed: str, **values: Any) -> str:
    filled = interpolate(typed, values, Repr())
    content = filled.content(takes_images=False)
    assert isinstance(content, str)
    return content + "".join(f"\n({note})" for note in filled.notes)
