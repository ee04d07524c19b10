"""The reference page, made from the code: ``python -m tests.reference`` writes it."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from traitlets import Bool, Enum, Float, Int, TraitType, Unicode

from ava_magic import errors
from ava_magic.answers.formats import FORMATS
from ava_magic.environment import VARIABLES
from ava_magic.magics import AvaMagics
from ava_magic.options import GROUPS, Option
from ava_magic.providers.presets import PRESETS, provider_names

from .pages import DOCS

__all__ = ["PAGE", "reference"]

PAGE = DOCS / "reference.md"

_ABOUT_OPTIONS = "They stand before the question, in any order, and hold for that question alone."
_ABOUT_COMMANDS = (
    "A command stands alone, in the place of a question, and two do not go together. A value in brackets may be left "
    "out. `-c NAME` says which conversation is meant, `-p` or `--base-url` which endpoint."
)
_TYPES = {Unicode: "text", Float: "a number", Int: "a whole number", Bool: "`True` or `False`"}


def reference() -> str:
    """The whole page."""
    return "\n\n".join(["# Reference", *_options(), _settings(), _variables(), _presets(), _kinds()]) + "\n"


def _options() -> Iterator[str]:
    for title, options in GROUPS.items():
        of_commands = options[0].command
        yield f"## Reference of {'commands' if of_commands else 'options'}: {title[0].lower()}{title[1:]}"
        yield _prose(_ABOUT_COMMANDS if of_commands else _ABOUT_OPTIONS)
        yield _table(("you write", "it does" if of_commands else "meaning"), map(_option_row, options))
        if any(option.key == "format" for option in options):
            yield f"The formats are {', '.join(f'`{name}`' for name in FORMATS)}."


def _option_row(option: Option) -> tuple[str, str]:
    *short, name = option.names
    return ", ".join(f"`{text}`" for text in [*short, f"{name} {option.value}".strip()]), option.help


def _settings() -> str:
    lines = (
        f"- `{name}` ({_type(trait)}; `{trait.default_value!r}`): {trait.help}."
        for name, trait in AvaMagics.class_own_traits(config=True).items()
    )
    head = "Each with what it takes, and what it is at first. `%config AvaMagics.NAME = VALUE` changes it."
    return "\n\n".join(["## Reference of settings: all settings of AvaMagics", head, "\n".join(lines)])


def _type(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        return " or ".join(f"`{value!r}`" for value in trait.values or ())
    words = next(words for kind, words in _TYPES.items() if isinstance(trait, kind))
    for word, bound in (("from", getattr(trait, "min", None)), ("to", getattr(trait, "max", None))):
        words += "" if bound in (None, -math.inf, math.inf) else f" {word} {bound}"
    return f"{words}, or `None`" if trait.allow_none else words


def _variables() -> str:
    keys = ", ".join(f"`{preset.key}`" for preset in PRESETS.values() if preset.key)
    rows = [(", ".join(f"`{name}`" for name in names.split(", ")), meaning) for names, meaning in VARIABLES.items()]
    table = _table(("variable", "meaning"), rows)
    return "\n\n".join(
        ["## Reference of environment variables", table, _prose(f"And the keys of the presets: {keys}.")]
    )


def _presets() -> str:
    rows = [(f"`{name}`", f"`{base_url}`", f"`{key}`" if key else "none") for name, base_url, key in PRESETS.values()]
    others = ", ".join(f"`{name}`" for name in provider_names() if name not in PRESETS)
    head = "Each is a name for `-p`, and stands for an endpoint that speaks OpenAI's protocol."
    rest = f"Beside them `-p` takes {others}, and `package.module:Class`."
    return "\n\n".join(
        [
            "## Reference of presets: base URL and key variable",
            head,
            _table(("preset", "base URL", "key variable"), rows),
            rest,
        ]
    )


def _kinds() -> str:
    head = "An error is one line, `AvaError (kind): what happened; what to do`. The kinds:"
    rows = [
        (f"`{kind}`", *re.split(r" {2,}", rest))
        for kind, rest in re.findall(r"(?m)^``(\w+)`` +(.*)$", errors.__doc__ or "")
    ]
    return "\n\n".join(
        [
            "## Reference of errors: what the kinds of AvaError mean",
            head,
            _table(("kind", "meaning", "what to do"), rows),
        ]
    )


def _prose(text: str) -> str:
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows])


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
