"""The file of a cassette: read when it has changed, and replaced as a whole, so that no crash leaves half of one.

Two kernels may record into one file: each takes in what the other has written before it writes, and on systems with
``flock`` neither writes meanwhile.  Of one request that both ask, the last reply stays.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..atomic import write_whole
from ..errors import AvaError
from .entry import Entry, dump, parse

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # to mypy the name is a module's

__all__ = ["File"]


class File:
    """The entries of a cassette at ``path``; an entry that stays is the same object after :meth:`read`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.entries: list[Entry] = []
        self._stamp: tuple[int, ...] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether no file was there when it was last read."""
        return self._stamp is None

    def read(self) -> None:
        """Take in what others have changed.  Raises :class:`AvaError` (``config``) for what is no cassette."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            entries = list(parse(self.path.read_text("utf-8"))) if stamp else []
        except UnicodeDecodeError:
            raise AvaError(f"{self.path} is no cassette, and is left as it is", "config") from None
        except OSError as error:
            raise AvaError(f"the cassette {self.path} cannot be read: {error.strerror or error}", "config") from None
        except AvaError as error:
            raise AvaError(f"{self.path}: {error}; mend it, or name another file", "config") from None
        known: dict[str, list[Entry]] = {}
        for entry in self.entries:
            known.setdefault(entry.source, []).append(entry)
        self.entries = [known[e.source].pop(0) if known.get(e.source) else e for e in entries]
        self._stamp = stamp

    def check(self) -> None:
        """Raise :class:`AvaError` (``config``) where it could not be written; better now than after the reply."""
        self.read()
        folder = next(folder for folder in self.path.parents if folder.exists())
        if not os.access(folder, os.W_OK):
            raise AvaError(f"the cassette {self.path} cannot be written: the folder is read-only for you", "config")

    def put(self, entry: Entry, old: Entry | None, near: tuple[Iterable[Entry | None], Iterable[Entry | None]]) -> None:
        """Put ``entry`` in the place of ``old``; a new one after the last of ``near[0]`` that is here, before the
        first of ``near[1]``, or at the end."""
        places: dict[Entry | None, int] = {other: place for place, other in enumerate(self.entries)}
        place = len(self.entries)
        if old is not None:
            place = places[old]
            del self.entries[place]
        elif before := [places[other] for other in near[0] if other in places]:
            place = max(before) + 1
        elif after := next((other for other in near[1] if other in places), None):
            place = places[after]
        self.entries.insert(place, entry)

    def write(self) -> None:
        """Replace the file by the entries; make its folder where there is none.  Raises :class:`OSError`."""
        try:
            write_whole(self.path.resolve(), dump(self.entries))  # a link stays one
        except BaseException:  # a Stop too
            self._stamp = None  # what stands in the file is not what stands here
            raise
        self._stamp = self._look()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """The time in which no other kernel writes a cassette of this folder, where the system can see to that."""
        folder = self.path.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            yield
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network drives know no locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _look(self) -> tuple[int, ...] | None:
        try:
            seen = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return seen.st_ino, seen.st_size, seen.st_mtime_ns
