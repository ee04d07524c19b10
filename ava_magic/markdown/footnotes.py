"""Footnotes that stand where they were written.

Pure.  The usual way gathers them at the end and numbers them anew; of a reply that streams, that would take words away
from where they are read.  So a note keeps its place and its label, and ``[^1]`` is a mark before its note has come.
Other labels, as in the pattern ``[^a-z]``, are marks only where there is a note.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.footnote.index import footnote_def

__all__ = ["MARK", "add_footnotes"]

MARK = re.compile(r"\[\^([^\s\[\]]{1,64})\]")
"""What may be the mark of a footnote, with its label."""


def add_footnotes(parser: MarkdownIt) -> None:
    """Teach ``parser`` the marks ``[^label]`` and the notes ``[^label]: words``.

    A mark is a token ``note_mark``.  Its ``meta`` holds its ``label``, the ``number`` of the note among those of the
    text (``None``: there is none), and whether it is the ``first`` mark for it and whether it stands before the note's
    own words (``is_note``).
    """
    parser.block.ruler.before("reference", "footnote_def", footnote_def, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.after("image", "note_mark", _mark)
    parser.core.ruler.after("inline", "note_labels", _label_notes)


def _mark(state: StateInline, silent: bool) -> bool:
    match = MARK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    notes = state.env.get("footnotes", {}).get("refs", {})
    if f":{match[1]}" not in notes and not match[1].isdigit():
        return False
    if not silent:
        state.push("note_mark", "sup", 0).meta = {"label": match[1]}
    state.pos = match.end()
    return True


def _label_notes(state: StateCore) -> None:
    """Put the label of each note before its first words, or its code; tell each mark which note it belongs to."""
    labels = state.env.get("footnotes", {}).get("refs", {})
    numbers = {label[1:]: number for number, label in enumerate(labels, start=1)}
    seen: set[tuple[str, bool]] = set()
    out: list[Token] = []
    waiting: list[tuple[int, str | None]] = []  # the notes that are open: where each begins, and its label if not shown

    def number(marks: list[Token], *, is_note: bool) -> None:
        for mark in marks:
            name = mark.meta["label"], is_note
            mark.meta |= {"number": numbers.get(name[0]), "is_note": is_note, "first": name not in seen}
            seen.add(name)

    for token in state.tokens:
        if token.type == "footnote_reference_close":
            begin, label = waiting.pop()
            if label is not None:
                own = [_label(label)]
                number(own, is_note=True)
                paragraph = Token("paragraph_open", "p", 1), Token("paragraph_close", "p", -1, block=True)
                out[begin:begin] = [paragraph[0], Token("inline", "", 0, children=own), paragraph[1]]
        out.append(token)
        if token.type == "footnote_reference_open":
            waiting.append((len(out), token.meta["label"]))
        elif token.type == "inline":
            children = token.children or []
            own = [_label(label) for _, label in waiting if label is not None]
            waiting = [(begin, None) for begin, _ in waiting]
            number(own, is_note=True)
            number([child for child in children if child.type == "note_mark"], is_note=False)
            space = [Token("text", "", 0, content=" ")] if own else []
            token.children = [*own, *space, *children]
    state.tokens = out


def _label(label: str) -> Token:
    return Token("note_mark", "sup", 0, meta={"label": label})
