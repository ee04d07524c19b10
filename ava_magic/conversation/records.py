"""An exchange as plain data, in a saved file or in an output's metadata, and back.

What comes back was written by anybody: each field is taken only where it has the type and the size that ours have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .exchanges import Anchor, Exchange

__all__ = ["FORMAT", "from_record", "to_record"]

FORMAT = 1
"""The number of the format, in files and in metadata.  It changes when an older version could not read what is new."""

_WORDS = 16 * 1024 * 1024  # characters of a prompt or a reply, as many as a reply may have
_NAME = 300  # characters of a model's or a cell's name
_PARTS = 1_000  # of a prompt with images in it
_YEAR_3000 = 32_503_680_000.0
_INTEGER = 2**53  # the largest that every reader of JSON keeps


def to_record(exchange: Exchange) -> dict[str, Any]:
    """What is to be known of an exchange beside its words; what has nothing to tell is left out."""
    anchor = exchange.anchor
    fields = {
        "cell": anchor.cell,
        "run": anchor.run,
        "number": anchor.number,
        "model": exchange.model,
        "provider": exchange.provider,
        "at": round(exchange.at, 6),
        "tokens": list(exchange.counts or ()),
        "partial": exchange.partial,
        "aside": exchange.aside,
    }
    return {name: value for name, value in fields.items() if value}


def from_record(prompt: Any, reply: Any, record: Mapping[str, Any]) -> Exchange:
    """The exchange of these words and facts.  Raises :class:`ValueError` that names what is no part of one."""
    if not (isinstance(reply, str) and reply and len(reply) <= _WORDS):
        raise ValueError("a reply is not a text")
    return Exchange(
        prompt=_prompt(prompt),
        reply=reply,
        anchor=Anchor(_name(record, "cell") or None, _name(record, "run"), _whole(record.get("number"), "number")),
        partial=_flag(record, "partial"),
        model=_name(record, "model") or None,
        provider=_name(record, "provider"),
        at=_moment(record.get("at")),
        counts=_counts(record.get("tokens")),
        aside=_flag(record, "aside"),
    )


def _prompt(value: Any) -> Any:
    if isinstance(value, str) and value and len(value) <= _WORDS:
        return value
    if isinstance(value, list) and 0 < len(value) <= _PARTS:
        return [_part(part) for part in value]
    raise ValueError("a question is not a text")


def _part(value: Any) -> dict[str, Any]:
    """A text, or an image that is in the file itself: an address would have somebody fetch it."""
    match value:
        case {"type": "text", "text": str(text)} if len(text) <= _WORDS:
            return {"type": "text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith("data:image/"):
            return {"type": "image_url", "image_url": {"url": url}}
    raise ValueError("a question holds what is neither text nor image")


def _name(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if value is None:
        return ""
    if not (isinstance(value, str) and len(value) <= _NAME):
        raise ValueError(f"{field} is not a name")
    return value


def _flag(record: Mapping[str, Any], field: str) -> bool:
    value = record.get(field, False)
    if value is not True and value is not False:
        raise ValueError(f"{field} is not true or false")
    return bool(value)


def _whole(value: Any, field: str) -> int | None:
    if value is None:
        return None
    if not (type(value) is int and 0 < value < _INTEGER):
        raise ValueError(f"{field} is not a count")
    return value


def _counts(value: Any) -> tuple[int, int] | None:
    match value:
        case None | []:
            return None
        case [question, reply]:
            return _whole(question, "tokens") or 1, _whole(reply, "tokens") or 1
    raise ValueError("tokens are not two counts")


def _moment(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _YEAR_3000:
        raise ValueError("at is not a time")
    return float(value)
