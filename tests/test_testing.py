"""The pytest fixture, as somebody else's tests use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .endpoint import Endpoint
from .offline import Offline

_THEIRS = """
import asyncio
import subprocess
import sys

import pytest
from ava_magic import Chat

pytest_plugins = ["ava_magic.testing"]


def summary(text):
    return str(asyncio.run(Chat(provider="openai").ask(f"Sum up: {text}")))


@pytest.mark.parametrize("text", ["one/two", "three"])
def test_summary(cassette, text):
    assert summary(text) == "short"
    assert summary(text) == "shorter"
    assert cassette.exists()


def test_a_program(cassette):
    code = "import asyncio; from ava_magic import Chat; print(asyncio.run(Chat(provider='openai').ask('hi')))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "from a program\\n"
"""


def _record(folder: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ("short", "shorter", "short", "shorter", "from a program"):
        endpoint.says(words)
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    monkeypatch.setenv("AVA_REPLAY", "0")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("AVA_REPLAY")


def test_tests_that_were_recorded_pass_without_a_network(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_theirs.py").write_text(_THEIRS)
    _record(tmp_path, endpoint, monkeypatch)
    cassettes = tmp_path / "cassettes" / "test_theirs"
    names = ["test_a_program.jsonl", "test_summary-one-two.jsonl", "test_summary-three.jsonl"]
    assert sorted(path.name for path in cassettes.iterdir()) == names
    offline = Offline(tmp_path)
    for _ in range(2):
        done = offline.run("pytest", "-q")
        assert done.returncode == 0, done.stdout
    assert offline.tried == ""
    assert len(endpoint.requests) == 5


def test_a_test_that_is_not_recorded_says_so(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(_THEIRS)
    offline = Offline(tmp_path)
    done = offline.run("pytest", "-q", "-k", "three")
    assert done.returncode == 1
    assert "AvaError: there is no cassette" in done.stdout
    assert "begins in the folder where kernel or script was started" in done.stdout
    assert offline.tried == ""
