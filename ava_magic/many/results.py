"""Results as lines of JSON, one for each item, so that a run that was cut off goes on where it was.

Pure.  Each line begins with what is needed to find it again, so that a long file is looked through quickly::

    {"ava_magic": 1, "key": "3f…", "request": "a0…", "failed": false, "position": 0, "item": …, "text": "…", …}
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NamedTuple

from ..reply import Reply
from .items import Row, words_of

__all__ = ["Head", "begins_like_a_line", "digest", "head_of", "reply_in", "to_line"]

_START = b'{"ava_magic": 1, "key": "'
_HEAD = re.compile(
    re.escape(_START) + rb'([0-9a-f]+(?:#\d+)?)", "request": "([0-9a-f]+)", "failed": (true|false), [^\n]*\}\r?\n?'
)
_KEPT = (
    *("text", "model", "provider", "endpoint", "finish_reason", "usage", "reasoning", "reasoning_seconds"),
    *("refusal", "seconds"),
)
_LONGEST_ITEM = 2_000  # characters of an item that JSON has no words for


class Head(NamedTuple):
    """What a line is about: ``key`` tells the request and its item, ``request`` the request alone."""

    key: str
    request: str
    failed: bool


def digest(*parts: Any) -> str:
    """A name for what ``parts`` say, the same wherever they say the same."""
    words = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def to_line(head: Head, position: int, item: Any, reply: Reply) -> bytes:
    """The line that keeps ``reply``, with its end.  An item that was not sent is not written either: it may hold a
    secret.
    """
    error = {"kind": reply.error.kind, "message": str(reply.error)} if reply.error else None
    was_sent = bool(reply.messages)
    record = {"ava_magic": 1, **head._asdict(), "position": position, "item": _plain(item) if was_sent else None}
    record["error"] = error
    record |= {name: getattr(reply, name) for name in _KEPT if getattr(reply, name)}
    try:
        return json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair, which is no text
        return json.dumps(record, default=str).encode() + b"\n"


def head_of(line: bytes) -> Head | None:
    """What ``line`` is about; ``None`` where it is none of ours."""
    match = _HEAD.fullmatch(line)
    if match and not line.endswith(b"\n"):
        try:
            json.loads(line)
        except ValueError:
            return None  # cut off behind a bracket of its middle
    return Head(match[1].decode(), match[2].decode(), match[3] == b"true") if match else None


def begins_like_a_line(piece: bytes, *, is_first: bool) -> bool:
    """Whether ``piece`` can be the beginning of a line that was not written to its end.

    A machine that lost its power may have left zeros there; ``is_first``: but nothing says so in a file of zeros alone.
    """
    begun = piece.rstrip(b"\0")
    return begun.startswith(_START) or (_START.startswith(begun) and not (is_first and not begun))


def reply_in(line: bytes, messages: Any) -> Reply:
    """The reply that a whole line keeps of an item that did not fail; ``messages`` are those of its request.

    Raises :class:`ValueError`.
    """
    record = json.loads(line)
    fields = {name: record[name] for name in _KEPT if name in record}
    return Reply(**{"text": "", **fields}, messages=messages, notes=("from the file",))


def _plain(item: Any) -> Any:
    """An item as JSON can say it."""
    if isinstance(item, Row):
        item = dict(item)
    try:
        json.dumps(item)
    except (TypeError, ValueError, RecursionError):
        return words_of(item)[:_LONGEST_ITEM]
    return item
