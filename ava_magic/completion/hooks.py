"""The ways into the completers of IPython 7 to 9."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["install", "remove"]

_NAME = "ava_magic"

_After = Callable[[str], tuple[str, list[str]] | None]
"""Of a cell's text up to the cursor: what it ends in, and the words that begin so; ``None`` where nothing is known."""


def install(shell: InteractiveShell, after: _After) -> None:
    """Let the completer of ``shell`` offer what ``after`` finds; :func:`remove` takes them out."""
    completer: Any = shell.Completer
    try:
        from IPython.core.completer import context_matcher
    except ImportError:  # IPython before 8.6: its matchers see one line, and jedi's names come beside theirs
        completer._complete = _instead_of(completer._complete, after)
    else:
        completer.custom_matchers.append(context_matcher(identifier=_NAME, priority=200)(_matcher(after)))


def remove(shell: InteractiveShell) -> None:
    """Take out what :func:`install` put in."""
    completer: Any = shell.Completer
    vars(completer).pop("_complete", None)
    completer.custom_matchers[:] = [
        m for m in completer.custom_matchers if getattr(m, "matcher_identifier", "") != _NAME
    ]


def _matcher(after: _After) -> Callable[[Any], Any]:
    """A matcher of IPython's API, version 2."""
    from IPython.core.completer import SimpleCompletion, cursor_to_position

    def matcher(context: Any) -> Any:
        found = after(
            context.full_text[: cursor_to_position(context.full_text, context.cursor_line, context.cursor_position)]
        )
        if found is None:
            return {"completions": []}
        word, words = found
        completions = [SimpleCompletion(text=text, type="magic") for text in words]
        return {"completions": completions, "matched_fragment": word, "suppress": True}

    return matcher


def _instead_of(former: Callable[..., Any], after: _After) -> Callable[..., Any]:
    """What all completion goes through in older versions: it knows the whole cell, and has the last word."""
    from IPython.core.completer import cursor_to_position

    def complete(*, cursor_line: int, cursor_pos: int | None, full_text: str | None = None, **rest: Any) -> Any:
        text = full_text or rest.get("line_buffer") or rest.get("text") or ""
        column = len(text) if cursor_pos is None else cursor_pos
        found = after(text[: cursor_to_position(text, cursor_line if full_text else 0, column)])
        if found is None or not found[1]:
            return former(cursor_line=cursor_line, cursor_pos=cursor_pos, full_text=full_text, **rest)
        word, words = found
        return word, words, [_NAME] * len(words), ()

    return complete
