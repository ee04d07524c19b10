"""Plug-ins: what has the shape of a provider, how one is imported, and how what it raises is told."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from ..conversation.exchanges import Message
from ..errors import AvaError
from .base import Delta

__all__ = ["Ask", "ask_of", "checked", "imported", "in_words"]

Ask = Callable[..., AsyncIterator[Delta]]


def ask_of(provider: Any, name: str) -> Ask:
    """How to ask ``provider``: a class with a ``create_async_generator``, or such a function.

    Raises :class:`AvaError` (``config``) for anything else.
    """
    ask = getattr(provider, "create_async_generator", None if isinstance(provider, type) else provider)
    if not callable(ask) or not _takes_a_question(ask):
        raise _no_provider(name)
    return cast("Ask", ask)


def checked(ask: Ask, name: str) -> Ask:
    """A plug-in's ``ask``, given messages of its own, which it may change.

    Asking raises :class:`AvaError` (``config``) where no asynchronous iterator comes of it, which only a call shows.
    """
    return functools.partial(_deltas_of, name, ask)


def imported(path: str) -> Any:
    """What ``package.module:Name`` names.  Raises :class:`AvaError` (``config``) where it cannot be imported."""
    module, _, name = path.rpartition(":")
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (Exception, SystemExit) as error:  # whatever a plug-in's module does when it is imported
        raise AvaError(f"the provider {path} cannot be imported: {in_words(error)}", "config") from None


def in_words(error: BaseException) -> str:
    """Somebody else's error by its name and what it says; what it cannot say is left out."""
    try:
        words = str(error)
    except Exception:  # its own code
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _takes_a_question(ask: Any) -> bool:
    if inspect.iscoroutinefunction(ask) or inspect.isgeneratorfunction(ask):
        return False
    try:
        inspect.signature(ask).bind("", [])
    except TypeError:
        return False
    except ValueError:  # some functions written in C tell nothing of their parameters
        pass
    return True


def _deltas_of(name: str, ask: Ask, model: str, messages: list[Message], /, **fields: Any) -> AsyncIterator[Delta]:
    deltas: Any = ask(model, [message.copy() for message in messages], **fields)
    if not hasattr(deltas, "__aiter__"):
        if inspect.iscoroutine(deltas):
            deltas.close()
        raise _no_provider(name)
    return deltas  # type: ignore[no-any-return]


def _no_provider(name: str) -> AvaError:
    shape = "create_async_generator(model, messages, **kwargs), async def with yield"
    return AvaError(f"{name} is no provider: that is a class with {shape}, or such a function", "config")
