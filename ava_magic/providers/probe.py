"""Whether something listens on this machine, found out in a moment."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack

__all__ = ["first_listening"]

Address = tuple[str, int]

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)
_LASTS = 0.045  # seconds for all addresses together


def first_listening(addresses: Sequence[Address]) -> Address | None:
    """The first of some addresses at which a connection is taken, ``None`` where there is none within 45 ms in all.

    A port of this machine on which nothing listens refuses at once; the limit is for one that drops what comes.
    """
    with ExitStack() as opened:
        selector = opened.enter_context(selectors.DefaultSelector())
        for address in addresses:
            try:
                connection = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            except OSError:  # a family that this machine does not have
                continue
            opened.callback(connection.close)
            connection.setblocking(False)
            if connection.connect_ex(address) in _UNDER_WAY:  # else it failed at once: there is no way to that address
                selector.register(connection, selectors.EVENT_WRITE, address)
        return _first(selector, addresses)


def _first(selector: selectors.BaseSelector, addresses: Sequence[Address]) -> Address | None:
    end = time.monotonic() + _LASTS
    listening = set()
    left = _LASTS
    while selector.get_map() and left > 0:
        for key, _ in selector.select(left):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                listening.add(key.data)
            selector.unregister(connection)
        left = end - time.monotonic()  # looked at once in every case, however slow this machine is
    return next((address for address in addresses if address in listening), None)
