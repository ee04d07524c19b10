"""Conversations side by side, by name: a :class:`~ava_magic.Chat` for each, and one account of what they spend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import AvaError
from .usage import Spending

if TYPE_CHECKING:
    from ..chat import Chat
    from .exchanges import Anchor

__all__ = ["MAIN", "Chats"]

MAIN = "main"
"""The conversation of a notebook where none is named."""


class Chats(Mapping[str, "Chat"]):
    """The chats behind the magics.  Each is made when it is first used: loading the extension stays cheap.

    ``folder`` is where a relative path of a cassette begins.
    """

    def __init__(self, folder: str) -> None:
        self.spending = Spending()
        self._folder = folder
        self._cassette: dict[str, Any] = {}
        self._chats: dict[str, Chat] = {}

    def __getitem__(self, name: str) -> Chat:
        return self._chats[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._chats))  # another thread may add one meanwhile

    def __len__(self) -> int:
        return len(self._chats)

    def named(self, name: str = MAIN) -> Chat:
        """The chat of that name, made if need be."""
        if name not in self._chats:
            from ..chat import Chat

            chat = Chat(**self._cassette)
            chat.folder = self._folder
            chat.conversation.name = name
            chat.spending = self.spending
            return self._chats.setdefault(name, chat)  # another thread may have been quicker
        return self._chats[name]

    def end_in_vain(self, anchor: Anchor) -> None:
        """The cell's run at ``anchor`` has failed: what its last run added is no longer sent, in any conversation."""
        for chat in self.values():
            chat.conversation.end_in_vain(anchor)

    def use_cassette(self, **settings: Any) -> None:
        """Set ``record`` or ``replay`` for every conversation, and for those to come."""
        self._cassette |= settings
        for chat in self.values():
            chat.settings = replace(chat.settings, **settings)

    def known(self, name: str) -> Chat:
        """The chat of that name.  Raises :class:`AvaError` (``config``) where nothing was ever said in it."""
        if name != MAIN and name not in self._chats:
            near = difflib.get_close_matches(name, self._chats, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join({MAIN: None, **self._chats})}"
            raise AvaError(f"no conversation is called {name!r}; {hint}", "config")
        return self.named(name)
