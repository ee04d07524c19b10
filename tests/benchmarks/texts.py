"""What the benchmarks stream: prose in a model's pieces, and the events that carry them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

__all__ = [
    "Shape",
    "blocks",
    "code",
    "cut",
    "deltas",
    "line",
    "markdown",
    "nulls",
    "payload",
    "payloads",
    "realistic",
    "short",
    "stream_of",
    "table",
]

_SECTION = """\
## Part {n}: how a queue keeps its promise

A *queue* hands out its items in the order in which they came. That is all it promises, and it is **enough** for most
schedulers; see [the notes](https://example.org/notes/{n}) for the rest. Naïve ones cost 3 µs per item, this one 0.4.

- put at one end, `append`
- take from the other, `popleft`
- never look inside while somebody else may be taking, since `len` is out of date as soon as it is known

```python
from collections import deque

def drain(waiting: deque[int], limit: int = {n}) -> list[int]:
    \"\"\"Take at most `limit` items, the oldest first.\"\"\"
    taken = []
    while waiting and len(taken) < limit:
        taken.append(waiting.popleft())  # from the left: the oldest
    return taken
```

| size | list | deque |
| ---: | ---: | ---: |
| 100 | 3.1 µs | 2.8 µs |
| 10,000 | 2,150 µs | 281 µs |

1. The list moves every item that stays, so its cost grows as $n^2$.
2. The deque moves none. → It stays linear, as $\\sum_i 1 = n$ says.

> Measure first; then choose. What is fast on paper may be slow in the cache.

"""

_LINE = "    total += sum(value for value in values if value > limit)  # only what is above it\n"

_PIECE = re.compile(r"\s*\w{1,12}[^\w\s]?|\s*[^\w\s]{1,9}\s?|\s+")  # about as a model's tokens cut it: 4 to 5 bytes

Shape = Callable[[str], dict[str, Any]]
"""Makes the payload of an event of its content."""


def markdown(size: int) -> str:
    """Mixed Markdown of ``size`` bytes as UTF-8."""
    text = ""
    n = 0
    while len(text) < size:
        n += 1
        text += _SECTION.format(n=n)
    return text.encode()[:size].decode(errors="replace")


def code(size: int) -> str:
    """One block of code of ``size`` bytes, not closed."""
    return f"```python\n{_LINE * (size // len(_LINE) + 1)}"[:size]


def blocks(size: int) -> str:
    """Small blocks, ``size`` bytes of them."""
    return ("A block of a few words.\n\n" * (size // 25 + 1))[:size]


def line(size: int) -> str:
    """One line of ``size`` bytes."""
    return ("some more words of the one line " * (size // 32 + 1))[:size]


def table(size: int) -> str:
    """One table of ``size`` bytes."""
    rows = "".join(f"| row {number} | {number * number} | some words |\n" for number in range(size // 20))
    return f"| name | square | more |\n| --- | ---: | --- |\n{rows}"[:size]


def deltas(text: str) -> list[str]:
    """``text`` in the pieces in which a model would send it."""
    return _PIECE.findall(text)


def realistic(content: str) -> dict[str, Any]:
    """A chunk as OpenAI's own service sends it in 2025."""
    choice = {"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": None}
    return {
        "id": "chatcmpl-BxK2v0qVdG9cPq3mXn5sYt7uWzAbC",
        "object": "chat.completion.chunk",
        "created": 1750000000,
        "model": "gpt-4.1-2025-04-14",
        "service_tier": "default",
        "system_fingerprint": "fp_51e1070cf2",
        "choices": [choice],
        "usage": None,
        "obfuscation": "p0Qd8sLk2",
    }


def nulls(content: str) -> dict[str, Any]:
    """A chunk as the model servers send it: fewer fields, and those that do not apply are ``null``."""
    choice = {"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": None}
    return {
        "id": "chatcmpl-7",
        "object": "chat.completion.chunk",
        "created": 1750000000,
        "model": "llama-3.2",
        "system_fingerprint": None,
        "choices": [choice],
        "usage": None,
    }


def short(content: str) -> dict[str, Any]:
    """The least that is a chunk."""
    return {"choices": [{"index": 0, "delta": {"content": content}}]}


def payload(content: str, shape: Shape = realistic) -> str:
    """A chunk as JSON, compact and with characters as they are, which is how services write it."""
    return json.dumps(shape(content), separators=(",", ":"), ensure_ascii=False)


def payloads(count: int, shape: Shape = realistic) -> list[str]:
    """``count`` chunks as JSON."""
    return [payload(word, shape) for word in islice(cycle(deltas(markdown(16_000))), count)]


def stream_of(texts: list[str], newline: str = "\n") -> bytes:
    """The texts as an event stream."""
    return "".join(f"data: {text}{newline}{newline}" for text in texts).encode()


def cut(body: bytes, size: int = 16 * 1024) -> list[bytes]:
    """``body`` in pieces of ``size`` bytes."""
    return list(_cut(body, size))


def _cut(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
