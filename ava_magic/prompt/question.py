"""A question as it goes: the notebook's values and the attached files in it, and no secret that slipped in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..controls import one_line
from ..errors import AvaError
from ..values.content import LARGEST_PICTURE, Picture, Piece
from ..values.describe import Display
from .attachments import attach
from .fields import Filled, Insertion, interpolate
from .leaks import carried_secret

__all__ = ["Question", "attachments", "compose", "forbid_secrets", "with_attached"]

_LONGEST = 80  # characters of what a piece is called
_MOST_TOLD = 8  # insertions that are told one by one


@dataclass(frozen=True)
class Question(Filled):
    """A prompt that is ready to go, with the files that go along."""

    def adding(self, name: str, text: str) -> Question:
        """The question with ``text`` under it, which is told as ``name``."""
        return replace(self, pieces=[*self.pieces, "\n\n", text], inserted=[*self.inserted, Insertion(name, text)])

    def about(self, takes_images: bool) -> str:
        """What went in and how large it is, as one line, and the notes as another; ``""`` where there is neither."""
        told = [
            f"{one_line(name, _LONGEST)} {_size(piece, takes_images)}" for name, piece in self.inserted[:_MOST_TOLD]
        ]
        if more := self.inserted[_MOST_TOLD:]:
            told.append(f"and {len(more):,} more of {sum(len(_text(piece)) for _, piece in more):,} characters")
        lines = [f"[went in: {', '.join(told)}]" if told else "", f"[{'; '.join(self.notes)}]" if self.notes else ""]
        return "\n".join(filter(None, lines))


def compose(text: str, namespace: Mapping[str, Any] | None, display: Display, paths: Sequence[str] = ()) -> Question:
    """The question that ``text`` asks, with the values of ``namespace`` (``None``: with its braces as typed) and files.

    Raises :class:`AvaError` (``config``) for a file or an image that cannot go.
    """
    attached = attachments(paths)  # first: a file that cannot go is told before any value is described
    return with_attached(Filled([text]) if namespace is None else interpolate(text, namespace, display), attached)


def attachments(paths: Sequence[str]) -> list[Insertion]:
    """The files at ``paths``, each by its path.  Raises :class:`AvaError` (``config``) for one that cannot go."""
    return [Insertion(_with_its_end(path), attach(path)) for path in paths]


def _with_its_end(path: str) -> str:
    """A path as it can be told: the end of it says most."""
    return path if len(path) <= _LONGEST else "\u2026" + path[1 - _LONGEST :]


def with_attached(filled: Filled, attached: Sequence[Insertion]) -> Question:
    """The question of a prompt and the files that go along.

    Raises :class:`AvaError` (``config``) for an image that is too large.
    """
    for name, piece in filled.inserted:
        if isinstance(piece, Picture) and len(piece.data) > LARGEST_PICTURE:
            size = f"{len(piece.data):,} bytes, of {LARGEST_PICTURE:,} at most"
            raise AvaError(f"{name} is too large an image to send: {size}; make it smaller", "config")
    pieces = [*filled.pieces, *(piece for _, piece in attached)]
    return Question(pieces, [*filled.inserted, *attached], filled.notes)


def forbid_secrets(question: Question, others: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Raise :class:`AvaError` (``config``) where a secret would go, which names the place and the kind of secret.

    ``others`` are the further texts that go, by what they are called.
    """
    whole = "".join(_text(piece) for piece in question.pieces)
    for place, text in {"the prompt": whole, **others}.items():
        if what := carried_secret(text, environ):
            parts = [name for name, piece in question.inserted if carried_secret(_text(piece), environ) == what]
            where = parts[0] if parts and text is whole and not carried_secret(parts[0], environ) else place
            raise AvaError(
                f"{where} holds {what}, so nothing was sent; take it out, or send it with --send-secrets", "config"
            )


def _text(piece: Piece) -> str:
    return piece.text if isinstance(piece, Picture) else piece


def _size(piece: Piece, takes_images: bool) -> str:
    if not isinstance(piece, Picture):
        return f"{len(piece):,} characters"
    size = f"an image of {len(piece.data) / 1000:,.0f} kB"
    return size if takes_images else f"{size} that does not go, since this endpoint takes text only"
