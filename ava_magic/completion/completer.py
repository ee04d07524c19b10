"""The words that fit each place of ``%ava``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..answers.formats import FORMATS
from ..answers.shapes import is_shape
from ..providers.presets import provider_names
from ..values.displays import visible_names
from ..values.lookup import attribute_names, find, is_a
from .model_names import ModelNames
from .words import Place, option_names, place

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..desk import Desk

__all__ = ["Words"]


class Words:
    """What may be typed at a place of ``%ava``.  Nothing of the user's is run to know it."""

    def __init__(self, desk: Desk, shell: InteractiveShell) -> None:
        self._desk = desk
        self._shell = shell
        self._models = ModelNames()
        self._sources: dict[str, Callable[[Place], Iterable[str]]] = {
            "option": lambda found: option_names(found.given),
            "provider": lambda found: provider_names(),
            "model": self._model_names,
            "format": lambda found: FORMATS,
            "chat": lambda found: (name for name in desk.chats if " " not in name),
            "schema": lambda found: (name for name, value in self._names() if name != "Out" and is_shape(value)),
            "attribute": self._attributes,
            "name": lambda found: (name for name, value in self._names() if not is_a(value, ModuleType)),
        }

    def after(self, before: str) -> tuple[str, list[str]] | None:
        """What the cell's text before the cursor ends in, and the words that begin so; ``None`` elsewhere."""
        found = place(before)
        if found is None:
            return None
        if found.what == "option":
            self._models.get_ready()  # -m may be next
        if found.what not in self._sources:
            return found.word, []
        fitting = [word for word in self._sources[found.what](found) if word.startswith(found.word)]
        return found.word, fitting or [found.word]  # beside no word of ours IPython offers its own: magics for a model

    def _names(self) -> Iterable[tuple[str, Any]]:
        return [(name, value) for name, value in visible_names(self._shell).items() if not name.startswith("_")]

    def _attributes(self, found: Place) -> list[str]:
        path = found.word.rpartition(".")[0]
        name = path.partition(".")[0].partition("[")[0]
        value = find(name, path[len(name) :], visible_names(self._shell))
        return [f"{path}.{attribute}" for attribute in attribute_names(value)]

    def _model_names(self, found: Place) -> list[str]:
        named = {key: value for key, value in found.given.items() if key in ("provider", "base_url")}
        if ":" in named.get("provider", ""):
            return []  # a plug-in is code, which is not imported before it is asked
        return self._models.of(lambda: self._desk.endpoint(named))
