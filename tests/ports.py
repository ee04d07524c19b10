"""Ports of this machine that are taken, so that no other test's server gets them, and that nobody listens on.

One that was free a moment ago may be somebody else's by now.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["closed_port", "nobody_listens"]


@contextmanager
def closed_port(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port, ``port`` if that is given, that refuses every connection."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as taken:
        taken.bind((host, port))
        yield taken.getsockname()[1]


@contextmanager
def nobody_listens() -> Iterator[str]:
    """The URL of an endpoint that is not there."""
    with closed_port() as port:
        yield f"http://127.0.0.1:{port}/v1"
