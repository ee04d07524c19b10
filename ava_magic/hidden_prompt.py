"""``--key``: a key that is typed in where nobody sees it, and that is written down nowhere."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from .connection import Key, Origin, origin
from .errors import AvaError, Stopped
from .interrupts import raising_interrupts

if TYPE_CHECKING:
    from .providers.endpoint import Endpoint

__all__ = ["take_key"]


def take_key(endpoint: Endpoint, keys: MutableMapping[Origin, Key]) -> str:
    """Ask for the key of ``endpoint``, put it into ``keys`` for its origin, and say so; an empty line forgets it.

    Raises :class:`AvaError` (``config``) and :class:`Stopped`, and nothing has changed then.
    """
    if not endpoint.url:
        raise AvaError(f"{endpoint.name} takes no key; say whose it is with -p or --base-url", "config")
    key = _ask_for_key(endpoint.where)
    if key is None:
        keys.pop(origin(endpoint.url), None)
        return f"No typed key for {endpoint.where} is kept."
    keys[origin(endpoint.url)] = key
    return f"The key is kept in this kernel's memory, and sent to {endpoint.where} only; %ava --check tries it."


def _ask_for_key(where: str) -> Key | None:
    """What the user types in; ``None`` for an empty line.

    In a kernel, ``getpass`` is ipykernel's own: it sends the front end a request for a password.
    """
    try:
        with raising_interrupts(), warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # else it would read on, with what is typed shown
            return _key(getpass.getpass(f"Key for {where} (hidden): "))
    except (NotImplementedError, EOFError, OSError, getpass.GetPassWarning):
        raise AvaError(
            "nobody can be asked for a key here; set it in the environment of the kernel", "config"
        ) from None
    except KeyboardInterrupt:
        raise Stopped("no key was typed in, and nothing has changed") from None


def _key(typed: str) -> Key | None:
    try:
        return Key(typed.strip(), "the key that was typed in") if typed.strip() else None
    finally:
        del typed  # a traceback shows the values of a frame
