"""Conversations in files: whole or not at all, private, and never over somebody else's."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
from pathlib import Path

import pytest

from ava_magic import AvaError, Conversation
from ava_magic.conversation.exchanges import Exchange
from ava_magic.conversation.files import load, save

TALK = Conversation([Exchange("what?", "that"), Exchange("why?", "so")])


def refused(path: Path | str, conversation: Conversation = TALK) -> str:
    with pytest.raises(AvaError) as caught:
        save(conversation, path)
    assert caught.value.kind == "config"
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def not_loaded(path: Path | str) -> str:
    with pytest.raises(AvaError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("name", ["talk.json", "talk.md", "TALK.JSON", "a b.md"])
def test_what_was_saved_is_loaded(tmp_path: Path, name: str) -> None:
    path = save(TALK, tmp_path / name)
    assert path == tmp_path / name
    assert load(path) == list(TALK)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = save(TALK, tmp_path / "talk.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    save(TALK, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_saving_again_replaces_and_a_link_stays_one(tmp_path: Path) -> None:
    save(TALK, tmp_path / "talk.md")
    (tmp_path / "link.md").symlink_to(tmp_path / "talk.md")
    save(TALK[:1], tmp_path / "link.md")
    assert (tmp_path / "link.md").is_symlink()
    assert load(tmp_path / "talk.md") == list(TALK[:1])


def test_a_file_that_is_something_else_is_not_written_over(tmp_path: Path) -> None:
    notes = tmp_path / "README.md"
    notes.write_text("# mine")
    assert "no saved conversation" in refused(notes)
    assert notes.read_text() == "# mine"


def test_an_empty_conversation_does_not_replace_a_saved_one(tmp_path: Path) -> None:
    path = save(TALK, tmp_path / "talk.md")
    assert "nothing to save" in refused(path, Conversation())
    assert load(path) == list(TALK)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("talk.txt", ".json or .md"),
        ("talk", ".json or .md"),
        ("missing/talk.json", "No such file"),
        ("folder.md", "is there"),
        ("file.md/talk.md", "Not a directory"),
        ("circle.md", "circle.md"),
        ("x" * 300 + ".md", "too long"),
        ("a\0b.md", "is no path"),
        ("~nobody-of-that-name/x.md", "x.md"),
    ],
)
def test_a_path_that_cannot_be_written_is_one_line(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "file.md").write_text("x")
    (tmp_path / "circle.md").symlink_to(tmp_path / "circle.md")
    before = sorted(tmp_path.iterdir())
    assert words in refused(name if name.startswith("~") else str(tmp_path / name))
    assert sorted(tmp_path.iterdir()) == before


def test_a_read_only_folder_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders let nobody else in
        Path(folder).chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:  # who writes everywhere
            os.seteuid(65534)
        try:
            assert "Permission denied" in refused(Path(folder, "talk.json"))
        finally:
            if is_root:
                os.seteuid(0)


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path: Path) -> None:
    """The limit on a file's size stands in for the disk's: writing fails in the middle, as it would there."""
    path = save(TALK, tmp_path / "talk.json")
    large = Conversation([Exchange("what?", "x" * 100_000)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        assert "File too large" in refused(path, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load(path) == list(TALK)
    assert [file.name for file in tmp_path.iterdir()] == ["talk.json"]


def test_a_file_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"<!-- \xe9")
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "notes.md").write_text("# mine")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    for name, words in {
        "missing.md": "No such file",
        "latin.md": "not a text in UTF-8",
        "empty.json": "no conversation that --save wrote",
        "notes.md": "no conversation that --save wrote",
        "folder.json": "no file that can be read",
        "pipe.md": "no file that can be read",
        "talk.yaml": ".json or .md",
    }.items():
        said = not_loaded(tmp_path / name)
        assert words in said
        assert name in said


def test_a_mark_of_byte_order_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = save(TALK, tmp_path / "talk.md")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path) == list(TALK)
    save(TALK, path)
