"""``--key``: a key that is typed in where nobody sees it, and that is written down nowhere."""

from __future__ import annotations

import getpass
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .connection import Key
from .errors import AvaError, Stopped

__all__ = ["ask_for_key"]


def ask_for_key(where: str) -> Key | None:
    """The key for ``where`` that the user types in; ``None`` for an empty line.

    In a kernel, ``getpass`` is ipykernel's own: it sends the front end a request for a password.  Raises
    :class:`AvaError` (``config``) where nobody can be asked and for what is no key, and :class:`Stopped`.
    """
    try:
        with _interruptible(), warnings.catch_warnings():
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


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interrupt end what blocks the main thread: the handler in place cancels tasks, and none runs now."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
