"""Completion in the shell: the words that fit each place, and the ways into the completers of IPython 7 to 9."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..answers.shapes import is_shape
from ..arguments import FORMATS
from ..providers.presets import provider_names
from ..values.displays import visible_names
from ..values.lookup import is_a
from .model_names import ModelNames
from .words import Place, option_names, place

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..magics import AvaMagics

__all__ = ["Words", "install", "remove"]


class Words:
    """What may be typed at a place of ``%ava``.  Nothing of the user's is run to know it."""

    def __init__(self, magics: AvaMagics, shell: InteractiveShell) -> None:
        self._magics = magics
        self._shell = shell
        self._models = ModelNames()
        self._sources: dict[str, Callable[[Place], Iterable[str]]] = {
            "option": lambda found: option_names(found.given),
            "provider": lambda found: provider_names(),
            "model": self._model_names,
            "format": lambda found: FORMATS,
            "chat": lambda found: (name for name in magics.chats if " " not in name),
            "schema": lambda found: (name for name, value in self._names() if name != "Out" and is_shape(value)),
            "name": lambda found: (name for name, value in self._names() if not is_a(value, ModuleType)),
        }

    def after(self, before: str) -> tuple[str, list[str]] | None:
        """What the cell's text before the cursor ends in, and the words that begin so; ``None`` elsewhere."""
        found = place(before)
        if found is None:
            return None
        if found.what == "option":
            self._models.get_ready()  # -m may be next
        words = self._sources[found.what](found) if found.what in self._sources else ()
        return found.word, [word for word in words if word.startswith(found.word)]

    def _names(self) -> Iterable[tuple[str, Any]]:
        return [(name, value) for name, value in visible_names(self._shell).items() if not name.startswith("_")]

    def _model_names(self, found: Place) -> list[str]:
        named = {key: value for key, value in found.given.items() if key in ("provider", "base_url")}
        if ":" in named.get("provider", ""):
            return []  # a plug-in is code, which is not imported before it is asked
        return self._models.of(lambda: self._magics.endpoint(named))


def install(shell: InteractiveShell, words: Words) -> None:
    """Let the completer of ``shell`` know ``words``; :func:`remove` takes them out."""
    completer: Any = shell.Completer
    try:
        from IPython.core.completer import context_matcher
    except ImportError:  # IPython before 8.6: its matchers see one line, and jedi's names come beside theirs
        completer._complete = _instead_of(completer._complete, words.after)
    else:
        completer.custom_matchers.append(context_matcher(identifier=_NAME, priority=200)(_matcher(words.after)))


def remove(shell: InteractiveShell) -> None:
    """Take out what :func:`install` put in."""
    completer: Any = shell.Completer
    vars(completer).pop("_complete", None)
    completer.custom_matchers[:] = [
        m for m in completer.custom_matchers if getattr(m, "matcher_identifier", "") != _NAME
    ]


_NAME = "ava_magic"
_After = Callable[[str], tuple[str, list[str]] | None]


def _before(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:line], lines[line][:column]])


def _matcher(after: _After) -> Callable[[Any], Any]:
    """A matcher of IPython's API, version 2."""
    from IPython.core.completer import SimpleCompletion

    def matcher(context: Any) -> Any:
        found = after(_before(context.full_text, context.cursor_line, context.cursor_position))
        if found is None:
            return {"completions": []}
        word, words = found
        completions = [SimpleCompletion(text=text, type="magic") for text in words]
        return {"completions": completions, "matched_fragment": word, "suppress": True}

    return matcher


def _instead_of(former: Callable[..., Any], after: _After) -> Callable[..., Any]:
    """What all completion goes through in older versions: it knows the whole cell, and has the last word."""

    def complete(*, cursor_line: int, cursor_pos: int | None, full_text: str | None = None, **rest: Any) -> Any:
        text = full_text or rest.get("line_buffer") or rest.get("text") or ""
        column = len(text) if cursor_pos is None else cursor_pos
        found = after(_before(text, cursor_line if full_text else 0, column))
        if found is None or not found[1]:
            return former(cursor_line=cursor_line, cursor_pos=cursor_pos, full_text=full_text, **rest)
        word, words = found
        return word, words, [_NAME] * len(words), ()

    return complete
