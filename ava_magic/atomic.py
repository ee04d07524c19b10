"""A file is replaced as a whole, or stays as it was: no crash and no full disk leaves half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, text: str, *, private: bool = False) -> None:
    """Put ``text`` into ``path``, in UTF-8: whole, or not at all.  Raises :class:`OSError`.

    It is for the owner's eyes alone if ``private``, else for those who could read it before; a new one is as any other.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if not private:
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(path, part)
        part.replace(path)
    except BaseException:  # a Stop too: no half file is left
        part.unlink(missing_ok=True)
        raise
