"""A conversation as the text of a file, and back: JSON for programs, Markdown for people to read and to edit.

JSON holds all of it, one message to a line::

    {"ava_magic": "conversation", "format": 1, "name": "main",
     "messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}],
     "turns": [{"cell": "...", "model": "...", ...}]}

Markdown has a heading for each message, with what is not words in a comment behind it.  A line of a text that looks
like such a heading gets a backslash, which Markdown does not show.  White space around a text is not kept, nor are
images; a comment may be deleted, and a turn added by hand needs none.  What stands in a block of code is no heading::

    <!-- ava_magic conversation, format 1 -->

    ## You

    ...

    ## Reply · llama3.2 <!-- {"cell": "...", "at": 1760000000.0} -->

    ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..controls import one_line
from ..errors import AvaError
from ..values.content import text_of
from .conversation import Conversation
from .exchanges import Exchange
from .records import FORMAT, from_record, to_record

__all__ = ["from_json", "from_markdown", "is_conversation", "to_json", "to_markdown"]

_FIRST_LINE = re.compile(r"\s*<!-- ava_magic conversation, format (?P<format>\d{1,9}) -->[ \t]*(?:\n|\Z)")
_FIRST_JSON = re.compile(r'\s*\{\s*"ava_magic"\s*:\s*"conversation"')
_HEADING = re.compile(r"## (?P<who>You|Reply)(?: \u00b7 (?P<model>[^<\n]*?))?[ \t]*(?:<!-- (?P<record>.*) -->)?[ \t]*")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")
_LIKE_HEADING = re.compile(r"\\*## (?:You|Reply)")


def is_conversation(text: str) -> bool:
    """Whether ``text`` begins as one of ours does."""
    return bool(_FIRST_LINE.match(text) or _FIRST_JSON.match(text))


def to_json(conversation: Conversation) -> str:
    """All of ``conversation``."""
    messages = [message for exchange in conversation for message in exchange.messages()]
    head = f'{{"ava_magic": "conversation", "format": {FORMAT}, "name": {_line(conversation.name)}'
    return f'{head},\n"messages": {_lines(messages)},\n"turns": {_lines(list(map(to_record, conversation)))}}}\n'


def from_json(text: str) -> list[Exchange]:
    """The exchanges in ``text``.  Raises :class:`AvaError` (``config``) for what :func:`to_json` did not write."""
    with _one_line("this is no conversation that --save wrote"):
        return _read_json(text)


def to_markdown(conversation: Conversation) -> str:
    """``conversation`` for a person: the words as they are, the rest in comments."""
    lines = [f"<!-- ava_magic conversation, format {FORMAT} -->", ""]
    for exchange in conversation:
        model = one_line(exchange.model or "").replace("<", "")
        heading = f"## Reply \u00b7 {model}" if model else "## Reply"
        record = _line(to_record(exchange)).replace(">", "\\u003e")
        lines += ["## You", "", _escaped(text_of(exchange.prompt)), ""]
        lines += [f"{heading} <!-- {record} -->", "", _escaped(exchange.reply), ""]
    return "\n".join(lines)


def from_markdown(text: str) -> list[Exchange]:
    """The exchanges in ``text``.  Raises :class:`AvaError` (``config``) that names the line that is wrong."""
    text = text.replace("\r\n", "\n")
    first = _FIRST_LINE.match(text)
    if first is None:
        raise AvaError("this is no conversation that --save wrote: its first line does not say so", "config")
    with _one_line("line 1"):
        _check_format(int(first["format"]))
    try:
        return _read_sections(text)
    except AvaError:
        with suppress(AvaError):
            return _read_sections(text, edited=True)
        raise


def _read_sections(text: str, edited: bool = False) -> list[Exchange]:
    exchanges: list[Exchange] = []
    question = ""
    for number, heading, words in _sections(text, edited):
        with _one_line(f"line {number}"):
            _check_turn(heading["who"], words, question)
            if heading["who"] == "You":
                question = words
            else:
                record = _mapping(json.loads(heading["record"] or "{}"))
                exchanges.append(from_record(question, words, {"model": heading["model"], **record}))
                question = ""
    if question:
        raise AvaError("the last question has no reply", "config")
    return exchanges


def _read_json(text: str) -> list[Exchange]:
    match json.loads(text):
        case {"ava_magic": "conversation", "format": int(number), "messages": list(messages), "turns": list(turns)}:
            _check_format(number)
        case _:
            raise ValueError("it holds no conversation")
    if len(messages) != 2 * len(turns):
        raise ValueError(f"{len(messages)} messages do not make {len(turns)} turns")
    return [
        from_record(_content(question, "user"), _content(reply, "assistant"), _mapping(record))
        for question, reply, record in zip(messages[::2], messages[1::2], turns, strict=True)
    ]


def _sections(text: str, edited: bool) -> Iterator[tuple[int, re.Match[str], str]]:
    """The headings with the numbers of their lines and the text below them.  What stands before the first is a note."""
    lines = text.split("\n")
    code = _code(lines, edited)
    headings = ((place, _HEADING.fullmatch(line)) for place, line in enumerate(lines) if place not in code)
    found = [(place, heading) for place, heading in headings if heading]
    ends = [place for place, _ in found[1:]] + [len(lines)]
    for (place, heading), end in zip(found, ends, strict=False):  # an end too many where there is no heading at all
        yield place + 1, heading, _trimmed("\n".join(map(_unescaped, lines[place + 1 : end])))


def _code(lines: list[str], edited: bool) -> set[int]:
    """The places of the lines in blocks of code in which somebody's own headings stand.

    In a text that we wrote they are escaped, and a block that was never closed may seem to hold real ones.  Those have
    a record at the reply; so a block with such a record is none, and one with a question alone only in a text that was
    ``edited``.
    """
    code: set[int] = set()
    fence, start = "", 0
    has_reply = False
    for place, line in enumerate(lines):
        mark, heading = _FENCE.fullmatch(line), _HEADING.fullmatch(line)
        if not fence:
            if mark:
                fence, start, has_reply = mark["fence"], place, False
        elif heading and heading["record"]:
            fence = ""
        elif heading:
            has_reply = has_reply or heading["who"] == "Reply"
        elif mark and mark["fence"].startswith(fence) and not mark["info"].strip():
            if has_reply or edited:
                code.update(range(start, place))
            fence = ""
    return code


def _escaped(text: str) -> str:
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return _trimmed("\n".join("\\" + line if _LIKE_HEADING.match(line) else line for line in text.split("\n")))


def _unescaped(line: str) -> str:
    return line[1:] if line[:1] == "\\" and _LIKE_HEADING.match(line) else line


def _trimmed(text: str) -> str:
    """``text`` less the empty lines around it; the indent of its first line may mean code."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()


def _check_turn(who: str, words: str, question: str) -> None:
    if (who == "You") == bool(question):
        raise ValueError("a question and its reply must take turns")
    if not words:
        raise ValueError("there is nothing under this heading")


def _check_format(number: int) -> None:
    if number != FORMAT:
        raise ValueError(f"it has format {number}, and this version reads {FORMAT}: a newer ava_magic wrote it")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("what is said of a turn is not an object")  # noqa: TRY004  # told as any other damage
    return value


def _content(message: Any, role: str) -> Any:
    if not (isinstance(message, dict) and message.get("role") == role):
        raise ValueError("the messages are not the user's and the assistant's in turns")
    return message.get("content")


def _lines(values: list[Any]) -> str:
    return "[\n" + ",\n".join(map(_line, values)) + "\n]" if values else "[]"


def _line(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(value)
    return line


@contextmanager
def _one_line(where: str) -> Iterator[None]:
    try:
        yield
    except json.JSONDecodeError as error:
        raise AvaError(f"{where}: {error.msg} at line {error.lineno}", "config") from None
    except RecursionError:
        raise AvaError(f"{where}: it is nested too deeply", "config") from None
    except ValueError as error:
        raise AvaError(f"{where}: {error}", "config") from None
