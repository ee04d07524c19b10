"""The file that results are added to as they come: opened, mended, looked through, written to.

A line goes to the system in one piece and at once, so that it outlives the process; once a second, and at the end, what
was written is brought to the disk, so that it outlives the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..answers.json_types import Misfit
from ..environment import from_home
from ..errors import AvaError
from ..reply import Reply
from .results import Head, begins_like_a_line, digest, head_of, reply_in, to_line

if TYPE_CHECKING:
    from ..turn import Turn

try:
    import fcntl
except ImportError:  # Windows: two runs at once are not kept apart there
    fcntl = None  # type: ignore[assignment]  # to mypy the name is a module's

__all__ = ["Ledger", "request_of"]

_SYNC_EVERY = 1.0  # seconds


class Ledger:
    """The results in the file at ``path``.

    ``others`` counts those that another request has put there.  Other runs are kept off the file only from
    :meth:`begin` to :meth:`close`, since a batch that was made may be stopped before it begins.  Both making one and
    begin() raise :class:`AvaError` (``config``), with the file as it was, where it cannot be written to, is in use, or
    holds something else.
    """

    def __init__(self, path: str | os.PathLike[str], request: str) -> None:
        self.path = from_home(path)
        self.others = 0
        self._request = request
        self._places: dict[str, tuple[int, int]] = {}  # by key: where a line begins, and its length
        self._size = -1  # of the file, when it was looked through
        self._times_asked: dict[str, int] = {}
        self._synced = time.monotonic()
        self._sync: asyncio.Future[Any] | None = None
        try:
            if self.path.exists() and not stat.S_ISREG(self.path.stat().st_mode):
                raise AvaError(f"{self.path} is no file that results could go into", "config")
            self._file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise self._failure(error) from None
        try:
            self.begin()
            self._unlock()
        except BaseException:  # a Stop too: the file is let go of
            self._file.close()
            raise

    def begin(self) -> None:
        """Keep others off the file, and take in what they have added since it was looked through."""
        self._lock()
        if os.fstat(self._file.fileno()).st_size != self._size:
            self._look_through()
            self._size = os.fstat(self._file.fileno()).st_size

    def key(self, *parts: Any) -> str:
        """The key of an item's request; that of the same request asked a second time is another one."""
        name = digest(*parts)
        times = self._times_asked[name] = self._times_asked.get(name, 0) + 1
        return name if times == 1 else f"{name}#{times}"

    def find(self, key: str, turn: Turn) -> Reply | None:
        """The reply that was kept under ``key`` for ``turn``, ``None`` where it is missing or failed.

        Its data are read anew: they may be an object of the user's class.
        """
        if key not in self._places:
            return None
        start, length = self._places[key]
        self._file.seek(start)
        try:
            kept = reply_in(self._file.read(length), tuple(turn.messages))
            return replace(kept, format=turn.settings.format, data=turn.data_in(kept.text))
        except (ValueError, Misfit):
            return None  # a damaged line is asked for again, and what does not fit any more

    def add(self, key: str, position: int, item: Any, reply: Reply) -> None:
        """Keep a reply.  Raises :class:`AvaError` (``config``) where it cannot be written; the file is then whole."""
        line = to_line(Head(key, self._request, failed=reply.error is not None), position, item, reply)
        end = self._file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            self._file.truncate(end)
            raise self._failure(error) from None
        if time.monotonic() - self._synced >= _SYNC_EVERY and (self._sync is None or self._sync.done()):
            self._synced = time.monotonic()
            self._sync = asyncio.get_running_loop().run_in_executor(None, os.fsync, self._file.fileno())

    async def close(self) -> None:
        """Bring everything to the disk, and let others have the file.  Raises :class:`AvaError` where that fails."""
        try:
            if self._sync is not None:
                await asyncio.wait([self._sync])
                self._sync.result()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failure(error) from None
        finally:
            self._file.close()

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AvaError(
                f"{self.path} is in use by another run; wait for it, or name another file", "config"
            ) from None
        except OSError:  # a file system that knows no locks
            pass

    def _unlock(self) -> None:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # as above
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _look_through(self) -> None:
        """Find what is there, and mend the end of a line that was cut off."""
        self.others = 0
        self._places.clear()
        start = 0
        line = b""
        with self.path.open("rb") as reader:
            for number, line in enumerate(reader, start=1):
                head = head_of(line)
                if head is not None:
                    self._note(head, start, len(line))
                elif line.endswith(b"\n") or not begins_like_a_line(line, is_first=number == 1):
                    raise AvaError(
                        f"line {number} of {self.path} is no result of --each, so the file was left as it is; "
                        "name another one",
                        "config",
                    )
                else:
                    self._file.truncate(start)
                    return
                start += len(line)
        if line and not line.endswith(b"\n"):
            self._file.write(b"\n")

    def _note(self, head: Head, start: int, length: int) -> None:
        if head.request != self._request:
            self.others += 1
        elif not head.failed:
            self._places.setdefault(head.key, (start, length))

    def _failure(self, error: OSError) -> AvaError:
        return AvaError(f"{self.path}: {os.strerror(error.errno or 0)}; what is done is kept", "config")


def request_of(turn: Turn) -> tuple[Any, ...]:
    """What the request of a turn consists of."""
    settings = turn.settings
    where = turn.endpoint.url or turn.endpoint.name
    return turn.messages, where, settings.model, settings.system, settings.request_fields()
