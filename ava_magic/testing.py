"""For tests of code that asks: a pytest fixture that lets them run without a key and without a network.

In a ``conftest.py``, or in the module of the tests::

    pytest_plugins = ["ava_magic.testing"]

A test that takes the fixture :func:`cassette` gets its replies from a file beside it.  ``AVA_REPLAY=0 pytest`` asks the
endpoints, and records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .environment import variable

__all__ = ["cassette"]


@pytest.fixture
def cassette(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of this test's own cassette, ``cassettes/MODULE/TEST.jsonl`` beside its module.

    While the test runs, every question goes through it that names no other: those of the code under test, and those of
    kernels and programs that it starts.  Replies are replayed unless ``AVA_REPLAY`` is ``0``, which records them.
    """
    from .cassette.tape import rewind

    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    path = request.path.parent / "cassettes" / request.path.stem / f"{name}.jsonl"
    monkeypatch.setenv("AVA_RECORD", str(path))
    monkeypatch.setenv("AVA_REPLAY", variable("AVA_REPLAY") or "1")
    rewind()
    yield path
    rewind()
