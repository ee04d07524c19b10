"""The last error of a shell, told when ``-e`` asks for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..errors import AvaError, Stopped
from ..values.lookup import is_a
from .report import report

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["LastError"]


class LastError:
    """The error that a shell showed last, less those of ours: they would take the place of the one to ask about."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._error: BaseException | None = None

    def note(self) -> None:
        """Look at what was shown last; to be called before an error of ours can be."""
        error = getattr(sys, "last_value", None)  # IPython sets it for syntax errors and for what %run runs, too
        if error is not None and not any(is_a(error, kind) for kind in (AvaError, Stopped)):
            self._error = error

    def told(self) -> str:
        """The error in words.  Raises :class:`AvaError` (``config``) where there was none."""
        self.note()
        if self._error is None:
            raise AvaError("no error was raised so far, so there is none for -e to add", "config")
        history: Any = self._shell.history_manager
        return report(self._error, history.input_hist_raw, history.input_hist_parsed)
