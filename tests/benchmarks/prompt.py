"""A large cell with many names in braces, made into a prompt."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from ava_magic.prompt.question import Question, compose, forbid_secrets
from ava_magic.values.displays import ShellDisplay

from .table import Row
from .timing import compare, seconds_of

__all__ = ["prompt"]

_ROUNDS = 11
_NAMES = 1_000
_SIZE = 1_000_000  # characters of the cell
_PROMISE = 20.0  # milliseconds
_LINE = 'def area(shape):\n    return {"size": [shape.width * shape.height], "of": {shape}}  # {} and {x + 1}\n'


def prompt() -> Iterator[Row]:
    """a cell of 1 MB with 1,000 names in braces: ours against IPython's expansion of the names alone"""
    shell = InteractiveShell()
    display = ShellDisplay(shell)
    code = _LINE * (_SIZE // len(_LINE) // _NAMES)
    cell = "".join(f"{code}{{name_{number}}}" for number in range(_NAMES))
    fields = "".join(f"{{name_{number}}}" for number in range(_NAMES))
    for what, value in {"numbers": 7, "texts": "a text", "floats": 0.5}.items():
        names = {f"name_{number}": value for number in range(_NAMES)}
        question = compose(cell, names, display)
        assert len(question.inserted) == _NAMES
        shell.user_ns.update(names)
        taken = compare(_ROUNDS, seconds_of(compose, cell, names, display), seconds_of(shell.var_expand, fields))
        yield Row(
            f"{_NAMES:,} {what} into {len(cell):,} characters",
            f"{1000 * taken.ours:.1f} ms",
            f"{1000 * taken.theirs:.1f} ms",
            f"{taken.ratio:.2f}",
            f"<= {_PROMISE:.0f} ms",
            1000 * taken.ours <= _PROMISE,
        )
    checked = compare(_ROUNDS, seconds_of(_check, question, os.environ), seconds_of(_check, question, {}))
    yield Row("the same, looked through for secrets", f"{1000 * checked.ours:.1f} ms")


def _check(question: Question, environ: Mapping[str, Any]) -> None:
    forbid_secrets(question, {}, environ)
