"""A cassette: requests and what came back, as JSON Lines that a person can read, review and mend.

Pure: text in, entries out, and back.  An entry is one line with its fields in one order.  A reply stands in it as whole
text, with the lengths of the deltas it came in beside it in ``cuts``; one edited by hand comes as one delta.  Of the
earlier turns, long ones are cut to their beginning and a checksum: they stand whole in the entries before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from ..controls import OBEYED
from ..error_report.portable import portable
from ..errors import AvaError, Kind
from ..providers.base import Again, Delta, FinishReason, ModelName, Reasoning, Refusal, Usage

__all__ = ["Entry", "Request", "dump", "parse"]

_LONG = 160  # characters of an earlier turn, or of data such as an image, that are kept whole
_SECRET_FIELD = re.compile(
    r"(?i)(?:^|[-_.])(?:authorization|(?:api)?key|(?:auth|access)?token|secret|passw(?:or)?d|cookie|credentials?)$"
)
_SECRET_VALUE = re.compile(
    r"(?i)\b((?:(?:authorization|api[-_]?key)\s*[:=]\s*)?(?:bearer|basic)|(?:authorization|api[-_]?key)\s*[:=])"
    r"\s*[\w.~+/=*-]{6,}"
)
_HIDDEN = "\u2026"
_SURROGATE = re.compile("[\ud800-\udfff]")
_KINDS: Mapping[str, type] = {
    "text": str,
    "reasoning": Reasoning,
    "refusal": Refusal,
    "usage": Usage,
    "finish_reason": FinishReason,
    "model": ModelName,
    "again": Again,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_TEXTS = ("text", "reasoning", "refusal")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, as a cassette keeps it: who is asked is no part of it.

    ``model`` is ``""`` where the endpoint chooses; ``fields`` are those of the request beside it and ``messages``.
    """

    model: str
    fields: Mapping[str, Any]
    messages: Sequence[Any]

    @classmethod
    def of(
        cls, model: str, messages: Iterable[Any], fields: Mapping[str, Any], hide: Callable[[str], str] = str
    ) -> Request:
        """The request for a question; ``hide`` takes the secrets that it knows out of a text.

        The versions in an error's report are left out: another Python is to find the reply too.
        """
        plain = json.loads(json.dumps([list(messages), dict(fields)], default=str))
        shown, settings = _each_text(plain, lambda text: portable(hide(text)))
        *earlier, question = [_each_text(message, _without_data) for message in shown]
        return cls(model, _without_secrets(settings), [*map(_shortened, earlier), question])

    @property
    def has_parts(self) -> bool:
        """Whether a message of it is a list of parts, as one with an image is."""
        return any(isinstance(message.get("content"), list) for message in self.messages)

    def answers(self, asked: Request) -> bool:
        """Whether the reply to this request is one to ``asked``: a question that names no model takes any."""
        return asked.model in ("", self.model) and (self.fields, self.messages) == (asked.fields, asked.messages)

    def asks_as(self, other: Request) -> bool:
        """Whether both are the same but for what was replied before."""
        same = (self.model, self.fields, len(self.messages)) == (other.model, other.fields, len(other.messages))
        return same and all(
            mine == theirs or _role(mine) == _role(theirs) == "assistant"
            for mine, theirs in zip(self.messages, other.messages, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A request and what came back.

    ``provider`` and ``url`` say who replied, ``seconds`` and ``thought_for`` how long that took in all and in thinking.
    ``stopped`` marks a reply that the user stopped, ``error`` is the kind and the words of a failure, and ``source`` is
    the line that the entry was read from.
    """

    request: Request
    deltas: Sequence[Delta]
    provider: str = ""
    url: str = ""
    seconds: float = 0.0
    thought_for: float = 0.0
    stopped: bool = False
    error: tuple[Kind, str] | None = None
    source: str = ""

    def line(self, hide: Callable[[str], str] = str) -> str:
        """The entry as a line of a cassette, without its end; ``hide`` takes secrets out of what came back."""
        reply, cuts = _packed(self.deltas)
        told = {
            "provider": self.provider,
            "url": self.url,
            "model": self.request.model,
            "fields": self.request.fields,
            "messages": self.request.messages,
            "reply": _each_text(reply, hide),
            "stopped": self.stopped,
            "error": self.error and {"kind": self.error[0], "says": hide(self.error[1])},
            "seconds": self.seconds,
            "thought_for": self.thought_for,
            "cuts": cuts if any(len(lengths) > 1 for lengths in cuts) else [],
        }
        told = {name: value for name, value in told.items() if value or name in ("messages", "reply", "seconds")}
        line = json.dumps(told, ensure_ascii=False, default=str)
        return OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", line)  # nothing in a review may look like another


def dump(entries: Iterable[Entry]) -> str:
    """The text of a cassette; an entry that was read from one stays as it was written there."""
    return "".join(f"{entry.source or entry.line()}\n" for entry in entries)


def parse(text: str) -> Iterator[Entry]:
    """The entries of a cassette's text.  Raises :class:`AvaError` (``config``) that names a line which is not one."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if line.strip():
            try:
                yield _entry(json.loads(line), line.strip())
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
                raise AvaError(f"line {number} is no entry of a cassette", "config") from None


def _entry(told: Mapping[str, Any], source: str) -> Entry:
    error = told.get("error")
    if error is not None and error["kind"] not in get_args(Kind):
        raise ValueError(error["kind"])
    return Entry(
        request=Request(str(told.get("model", "")), dict(told.get("fields", {})), [dict(m) for m in told["messages"]]),
        deltas=_unpacked(told["reply"], told.get("cuts", [])),
        provider=str(told.get("provider", "")),
        url=str(told.get("url", "")),
        seconds=float(told.get("seconds", 0.0)),
        thought_for=float(told.get("thought_for", 0.0)),
        stopped=bool(told.get("stopped", False)),
        error=error and (error["kind"], str(error["says"])),
        source=source,
    )


def _packed(deltas: Iterable[Delta]) -> tuple[list[Any], list[list[int]]]:
    """The deltas with neighbours of one kind as one text, and for each text the lengths it came in."""
    items: list[Any] = []
    cuts: list[list[int]] = []
    joins = ""  # the kind of text that the last item can be continued with
    for delta in deltas:
        kind = _NAMES.get(type(delta))
        if kind is None:
            continue  # a plug-in's own value: nobody takes note of it
        value = delta if isinstance(delta, str) else getattr(delta, fields(delta)[0].name)
        if kind not in _TEXTS:
            items.append({kind: value})
            joins = ""
        elif kind == joins and not _SURROGATE.search(value):  # two halves of a pair would be read as one character
            items[-1][kind] += value
            cuts[-1].append(len(value))
        else:
            items.append({kind: value})
            cuts.append([len(value)])
            joins = kind
    return [item.get("text", item) for item in items], cuts


def _unpacked(items: Iterable[Any], cuts: Iterable[Sequence[int]]) -> list[Delta]:
    lengths = iter(cuts)
    deltas: list[Delta] = []
    for item in items:
        [(kind, value)] = ({"text": item} if isinstance(item, str) else item).items()
        if kind in _TEXTS and not isinstance(value, str):
            raise TypeError(kind)
        pieces = _cut(value, next(lengths, ())) if kind in _TEXTS else [value]
        deltas += [_KINDS[kind](piece) for piece in pieces]
    return deltas


def _cut(text: str, lengths: Sequence[int]) -> Iterator[str]:
    """``text`` in pieces of these ``lengths``, or whole where they are those of another text."""
    if not lengths or sum(lengths) != len(text):
        lengths = [len(text)]
    start = 0
    for length in lengths:
        yield text[start : start + length]
        start += length


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every text in it changed, the names in it too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): _each_text(item, change) for name, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value


def _without_secrets(value: Any) -> Any:
    """Fields of a request, in order, less what a header or a field that is named like a secret holds."""
    if isinstance(value, dict):
        return {
            name: _HIDDEN if _SECRET_FIELD.search(name) else _without_secrets(value[name]) for name in sorted(value)
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return _SECRET_VALUE.sub(rf"\1 {_HIDDEN}", value) if isinstance(value, str) else value


def _shortened(message: Any) -> Any:
    """An earlier turn's message as a later entry keeps it; a system message stays whole, for it stands nowhere else."""
    if _role(message) == "system":
        return message
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return message if len(text) <= _LONG else message | {"content": _beginning(text)}


def _without_data(text: str) -> str:
    """``text`` as it is, unless it is an image or another file."""
    return _beginning(text) if text.startswith("data:") and len(text) > _LONG else text


def _beginning(text: str) -> str:
    checksum = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[:80]}{_HIDDEN} ({len(text):,} characters, sha256 {checksum})"


def _role(message: Any) -> str:
    return str(message.get("role", ""))
