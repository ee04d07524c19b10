"""Which tape a turn goes through: none, one that records, or one that replays.

Each wraps the endpoint that the turn asks: :class:`Live` leaves it alone, a :class:`~.recorder.Recorder` listens to its
reply, a :class:`~.player.Player` replies in its place.  A kernel or another process is one run: equal requests in it
are told apart by their order, and a cell that is run again begins where its last run began.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..environment import from_home, variable
from ..errors import AvaError
from ..providers.endpoint import Endpoint
from .player import Player
from .recorder import Recorder
from .take import Asked, Take, Tape

__all__ = ["Live", "locate", "open_tape", "replays", "rewind"]

_OFF = ("", "0", "false", "no", "off")


class Live:
    """No tape: questions go to their endpoint."""

    def endpoint(self, find: Callable[[], Endpoint]) -> Endpoint:
        """The endpoint itself."""
        return find()

    def begin(self, asked: Asked, endpoint: Endpoint) -> Take:
        """A question that leaves no trace."""
        return Take(endpoint)


_tapes: dict[tuple[Path, bool], Tape] = {}  # of this run: two chats that record into one file count together


def locate(record: str | os.PathLike[str], folder: str) -> str:
    """The path of the cassette that ``record`` or else ``AVA_RECORD`` names, from ``folder``; ``""`` for none."""
    named = os.fspath(record) or variable("AVA_RECORD")
    if not named:
        return ""
    return os.path.abspath(Path(folder, from_home(named)))  # noqa: PTH100  # `..` goes, a link stays


def replays(replay: bool | None) -> bool:
    """Whether replies come from a cassette: as ``replay`` says, or where it is left out ``AVA_REPLAY``."""
    return variable("AVA_REPLAY").lower() not in _OFF if replay is None else replay


def open_tape(path: str | os.PathLike[str], replay: bool | None) -> Tape:
    """The tape for a cassette, the same for the same one; where ``replay`` is ``None``, ``AVA_REPLAY`` says which.

    Raises :class:`AvaError` (``config``) where there is nothing to replay from.
    """
    replay = replays(replay)
    if not path:
        if replay:
            raise AvaError(
                "replies are to come from a cassette, and none is named; %config AvaMagics.record = 'PATH' names it "
                "(Chat(record='PATH') in a script, AVA_RECORD for all)",
                "config",
            )
        return Live()
    key = Path(path), replay
    if tape := _tapes.get(key):
        return tape
    return _tapes.setdefault(key, (Player if replay else Recorder)(key[0]))  # another thread may have been quicker


def rewind() -> None:
    """Begin a new run: requests are counted from the first again."""
    _tapes.clear()
