"""Files that go along: texts with their name, images, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_magic.errors import AvaError
from ava_magic.prompt.attachments import LARGEST_TEXT, attach
from ava_magic.values.content import LARGEST_PICTURE, Picture

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(20))


def test_a_text_goes_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("first\nlast\n", "utf-8")
    assert attach(str(tmp_path / "notes.txt")) == "\n\nThe file notes.txt:\n```\nfirst\nlast\n```\n"


@given(st.lists(st.sampled_from(["`", "```", "````", "\n", "~~~", "The file x:", " "])).map("".join))
def test_no_text_can_end_its_frame(text: str) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"ava-attached-{os.getpid()}"
    path.write_text(text, "utf-8", newline="")
    try:
        piece = attach(str(path))
    finally:
        path.unlink()
    assert isinstance(piece, str)
    _, _, _, fence, *lines, last, nothing = piece.split("\n")
    assert last == fence
    assert not nothing
    assert not any(line.strip().startswith(fence) for line in lines)
    assert "\n".join(lines) == text.removesuffix("\n")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbftext", "text"),
        ("caf\u00e9".encode(), "caf\u00e9"),
        ("caf\u00e9".encode("utf-16"), "caf\u00e9"),
        (b"", ""),
    ],
)
def test_a_text_is_read_in_unicode_of_any_kind(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "x").write_bytes(data)
    assert attach(str(tmp_path / "x")) == f"\n\nThe file x:\n```\n{text}\n```\n"


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x04\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_an_image_is_known_by_its_bytes(tmp_path: Path, data: bytes, mime: str) -> None:
    (tmp_path / "no.ending").write_bytes(data)
    assert attach(str(tmp_path / "no.ending")) == Picture(data, mime, "[the image no.ending]")


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n\xe2\xe3",
        b"%PDF-1.4\n1 0 obj",
        b"PK\x03\x04\0\0",
        b"caf\xe9",
        b"a\0b",
        b"BM\0\0",
        b"RIFF\0\0\0\0WAVE",
    ],
)
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(AvaError, match="neither text in UTF-8 nor a PNG, JPEG, GIF or WebP image"):
        attach(str(tmp_path / "x.bin"))


def test_a_tilde_that_is_nobodys_is_a_part_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~$report.csv").write_text("a,b")
    assert "The file ~$report.csv:" in str(attach("~$report.csv"))
    with pytest.raises(AvaError, match="there is no file ~nobody-of-that-name/x"):
        attach("~nobody-of-that-name/x")


@pytest.mark.parametrize(("head", "limit"), [(b"text", LARGEST_TEXT), (PNG, LARGEST_PICTURE)])
def test_a_file_that_is_too_large_is_refused_and_not_cut(tmp_path: Path, head: bytes, limit: int) -> None:
    path = tmp_path / "large"
    path.write_bytes(head.ljust(limit, b"x"))
    attach(str(path))
    path.write_bytes(head.ljust(limit + 1, b"x"))
    with pytest.raises(AvaError, match=f"too large to attach: {limit + 1:,} bytes, of {limit:,} at most"):
        attach(str(path))


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(AvaError, match="too large"):
        attach(str(tmp_path / "huge"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in {
        tmp_path / "nowhere.txt": "there is no file .*nowhere.txt; a relative path begins at ",
        tmp_path: "is a directory: attach the files in it",
        tmp_path / "pipe": "is no regular file",
        Path("/dev/zero"): "is no regular file",
        tmp_path / "pipe" / "below": "Not a directory",
        tmp_path / ("x" * 300): "File name too long",
    }.items():
        with pytest.raises(AvaError, match=words) as caught:
            attach(str(path))
        assert caught.value.kind == "config"
        assert "\n" not in str(caught.value)


def test_a_star_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(AvaError, match="there is no file"):
        attach(str(tmp_path / "*.txt"))
    (tmp_path / "*.txt").write_text("starred")
    assert attach(str(tmp_path / "*.txt")) == "\n\nThe file *.txt:\n```\nstarred\n```\n"


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").write_text("text")
    assert "The file a.txt:" in str(attach("~/a.txt"))


def test_a_name_cannot_begin_another_file(tmp_path: Path) -> None:
    name = "a\n\nThe file b"
    (tmp_path / name).write_text("text")
    assert str(attach(str(tmp_path / name))).startswith("\n\nThe file a The file b:\n```\ntext")
