"""The service of ``ava_magic.server``: in a process of its own, and in this loop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from ava_magic.connection import Connection
from ava_magic.providers.presets import resolve
from ava_magic.server import create_app, listen

__all__ = ["NOWHERE", "serving", "started"]

NOWHERE = Connection()


@contextmanager
def started(*arguments: str, cwd: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service in a process of its own, and the URL that it printed."""
    command = [sys.executable, "-m", "ava_magic.server", "--port", "0", *arguments]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=buffered
    ) as process:
        patience = threading.Timer(60, process.kill)
        patience.start()
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removesuffix("\n")
            patience.cancel()
            assert url, "the service printed no URL"
            yield process, url
        finally:
            patience.cancel()
            process.kill()


@asynccontextmanager
async def serving(provider: Any, connection: Connection = NOWHERE, **options: Any) -> AsyncIterator[str]:
    """The service in this loop, in front of a provider."""
    runner, url = await listen(create_app(resolve(provider, connection), **options))
    try:
        yield url
    finally:
        await runner.cleanup()
