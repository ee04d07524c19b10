"""ava_magic: ask a model from a cell; the answer streams in, rendered and safe.

``%load_ext ava_magic`` in a notebook or in IPython, :class:`Chat` in a script.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .chat import Chat
    from .conversation.conversation import Conversation
    from .errors import AvaError
    from .many.each import ask_each
    from .many.replies import Replies
    from .providers.base import AsyncGeneratorProvider
    from .providers.codelink_ava import CodeLinkAva
    from .reply import Reply

__all__ = [
    "AsyncGeneratorProvider",
    "AvaError",
    "Chat",
    "CodeLinkAva",
    "Conversation",
    "Replies",
    "Reply",
    "__version__",
    "ask_each",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_HOMES = {
    "AsyncGeneratorProvider": "providers.base",
    "AvaError": "errors",
    "Chat": "chat",
    "CodeLinkAva": "providers.codelink_ava",
    "Conversation": "conversation",
    "Replies": "many.replies",
    "Reply": "reply",
    "ask_each": "many.each",
}


logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent, until somebody listens

if not TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Public names are loaded when they are first used (PEP 562), so that loading the extension stays cheap."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext ava_magic``.  Loading twice is loading once."""
    from .extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext ava_magic``: everything is as it was before loading."""
    from .extension import unload

    unload(shell)
