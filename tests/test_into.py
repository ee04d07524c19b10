"""Results that are kept in a file as they come, and a run that goes on where another one ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ava_magic import AvaError, Chat, Replies, Reply, ask_each
from ava_magic.many.each import Batch
from ava_magic.many.items import items_of
from ava_magic.many.template import Template, Words

from .endpoint import Endpoint, Gate
from .model import Model

ITEMS = [f"item {n} é" for n in range(12)]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


async def run(
    model: Model | str, path: Path, items: Any = ITEMS, prompt: str = "say {item}", **options: Any
) -> Replies:
    chat = Chat(base_url=model) if isinstance(model, str) else Chat(provider=model.ask)
    return Replies([reply async for reply in ask_each(chat, items, prompt, into=path, **options)])


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_every_result_is_a_line_of_json(model: Model, path: Path) -> None:
    await run(model, path, ["b", {"x": 1}], concurrency=1)
    first, second = records(path)
    assert (first["item"], first["text"], first["error"], first["failed"]) == ("b", "SAY B", None, False)
    assert (second["item"], second["position"]) == ({"x": 1}, 1)


async def test_it_is_written_before_the_next_is_there(model: Model, path: Path) -> None:
    async with aclosing(ask_each(Chat(provider=model.ask), ITEMS, "{item}", into=path, concurrency=1)) as replies:
        await anext(replies)
        assert len(records(path)) >= 1


async def test_a_second_run_asks_nothing_and_gives_the_same(model: Model, path: Path) -> None:
    first = await run(model, path)
    before = path.read_bytes()
    model.asked.clear()
    second = await run(model, path)
    assert second.text == first.text == [f"SAY {item.upper()}" for item in ITEMS]
    assert second[3].messages == first[3].messages
    assert not model.asked
    assert path.read_bytes() == before


async def test_more_items_are_asked_and_fewer_are_not(model: Model, path: Path) -> None:
    await run(model, path, ["a", "c"])
    model.asked.clear()
    assert (await run(model, path, ["a", "b", "c"])).text == ["SAY A", "SAY B", "SAY C"]
    assert model.asked == ["say b"]
    assert (await run(model, path, ["c"])).text == ["SAY C"]


async def test_equal_items_are_asked_each(model: Model, path: Path) -> None:
    await run(model, path, ["a", "a", "a"])
    assert model.asked == ["say a"] * 3
    await run(model, path, ["a", "a", "a", "a"])
    assert model.asked == ["say a"] * 4


async def test_a_failed_item_is_a_line_and_is_asked_again(model: Model, path: Path) -> None:
    model.failing.add("say b")
    first = await run(model, path, ["a", "b"])
    assert first.errors[1].kind == "bad_request"
    assert [record["error"] for record in records(path) if record["failed"]] == [
        {"kind": "bad_request", "message": str(first.errors[1])}
    ]
    model.failing.clear()
    model.asked.clear()
    assert (await run(model, path, ["a", "b"])).text == ["SAY A", "SAY B"]
    assert model.asked == ["say b"]


@pytest.mark.parametrize("options", [{"prompt": "shout {item}"}, {"system": "Be brief."}, {"options": {"seed": 1}}])
async def test_a_changed_request_says_so_and_is_asked(model: Model, path: Path, options: Any) -> None:
    await run(model, path, ["a", "b"])
    before = path.read_bytes()
    model.asked.clear()
    with pytest.warns(UserWarning, match="holds 2 results of another request") as told:
        await run(model, path, ["a", "b"], **options)
    assert told[0].filename == __file__
    assert len(model.asked) == 2
    assert path.read_bytes().startswith(before)
    model.asked.clear()
    with pytest.warns(UserWarning, match="another request"):
        await run(model, path, ["a", "b"])  # and back again: it is all there
    assert not model.asked


async def test_a_line_that_was_cut_anywhere_is_mended(model: Model, path: Path) -> None:
    """A file of four lines, ended at each byte of the third: two lines stand, two are asked, and all are whole."""
    await run(model, path, ITEMS[:4], concurrency=1)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    start = len(lines[0] + lines[1])
    for cut in range(start, start + len(lines[2]) + 1):
        path.write_bytes(whole[:cut])
        model.asked.clear()
        assert (await run(model, path, ITEMS[:4])).text == [f"SAY {item.upper()}" for item in ITEMS[:4]]
        assert len(model.asked) == (1 if cut >= start + len(lines[2]) - 1 else 2)
        assert len(records(path)) == 4


async def test_the_first_line_cut_off_is_mended_too(model: Model, path: Path) -> None:
    await run(model, path, ["a"])
    line = path.read_bytes()
    for cut in range(len(line)):
        path.write_bytes(line[:cut])
        await run(model, path, ["a"])
        assert len(records(path)) == 1


async def test_zeros_that_a_power_cut_left_are_mended(model: Model, path: Path) -> None:
    await run(model, path, ["a"])
    path.write_bytes(path.read_bytes() + bytes(500))
    assert (await run(model, path, ["a", "b"])).text == ["SAY A", "SAY B"]
    assert len(records(path)) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"{}\n",
        b"some notes\nof mine",
        b"\n",
        bytes(100),
        b"\xff\xfe",
        b'{"ava_magic": 2, "key": "00"}\n',
        b'{"ava_magic": 1, "key": "00", "request": "00", "failed": false, "position": 0}\nand a note\n',
        b'{"ava_magic": 1, "key": "00", "request": "00", "failed": false, "position": 0}\nand a note',
        b'{"ava_magic": 1, "key": "0\n{"ava_magic": 1, "key": "00", "request": "00", "failed": false, "text": ""}\n',
    ],
)
async def test_a_file_of_something_else_stays_byte_for_byte(model: Model, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(AvaError, match="is no result of --each") as error:
        await run(model, path)
    assert error.value.kind == "config"
    assert path.read_bytes() == content
    assert not model.asked


async def test_a_damaged_line_in_the_middle_is_asked_again(model: Model, path: Path) -> None:
    await run(model, path, ["a", "b"], concurrency=1)
    path.write_bytes(path.read_bytes().replace(b'"text": "SAY A"', b'"text": SAY A'))
    model.asked.clear()
    assert (await run(model, path, ["a", "b"])).text == ["SAY A", "SAY B"]
    assert model.asked == ["say a"]


async def test_places_where_no_file_can_be_are_told(model: Model, tmp_path: Path) -> None:
    for path, says in {
        tmp_path: "is no file",
        tmp_path / "none" / "x.jsonl": "No such file or directory",
        Path("/dev/full"): "is no file",
        Path("/proc/x.jsonl"): "No such file|not permitted|denied",
    }.items():
        with pytest.raises(AvaError, match=says) as error:
            await run(model, path)
        assert error.value.kind == "config"
    assert not model.asked


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_read_only_folder_is_told(model: Model, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AvaError, match="Permission denied"):
        await run(model, tmp_path / "x.jsonl")
    tmp_path.chmod(0o700)


async def test_two_runs_do_not_share_a_file(model: Model, path: Path) -> None:
    async with aclosing(ask_each(Chat(provider=model.ask), ITEMS, "{item}", into=path)) as replies:
        await anext(replies)
        with pytest.raises(AvaError, match="in use by another run"):
            await run(model, path)
    assert len((await run(model, path, prompt="{item}")).text) == 12


async def test_a_stop_keeps_what_is_done_and_nothing_of_what_is_not(model: Model, path: Path) -> None:
    model.held["say b"] = asyncio.Event()
    async with aclosing(ask_each(Chat(provider=model.ask), ["a", "b", "c"], "say {item}", into=path)) as replies:
        await anext(replies)
        while len(records(path)) < 2:
            await asyncio.sleep(0)
    assert {record["text"] for record in records(path)} == {"SAY A", "SAY C"}
    model.held.clear()
    model.asked.clear()
    assert (await run(model, path, ["a", "b", "c"])).text == ["SAY A", "SAY B", "SAY C"]
    assert model.asked == ["say b"]


async def test_what_was_made_ready_and_has_not_begun_keeps_nobody_off(model: Model, path: Path) -> None:
    """A Stop may come in between; and what others have added by then is not asked again."""
    ready = Batch(Chat(provider=model.ask), items_of(ITEMS), Template("say {item}", {}, Words()), into=path, changes={})
    await run(model, path)
    model.asked.clear()
    async with aclosing(ready.replies()) as replies:
        assert [reply.text async for reply in replies] == [f"SAY {item.upper()}" for item in ITEMS]
    assert not model.asked


async def test_a_second_stop_while_the_first_hangs_up_lets_go_of_the_file(model: Model, path: Path) -> None:
    has_begun, hangs_up, has_hung_up = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(model: str, messages: Any, **fields: Any) -> AsyncIterator[str]:
        try:
            yield "half"
            has_begun.set()
            await asyncio.Event().wait()
        finally:
            hangs_up.set()
            await has_hung_up.wait()

    batch = Batch(Chat(provider=slow), items_of(["a"]), Template("{item}", {}, Words()), into=path, changes={})
    task = asyncio.ensure_future(anext(batch.replies()))
    await has_begun.wait()
    task.cancel()
    await hangs_up.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await run(model, path, ["a"])).text == ["SAY A"]
    has_hung_up.set()


_PROGRAM = """
import asyncio, json, resource, signal, sys
from ava_magic import AvaError, Chat, ask_each
url, path, count, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
async def main():
    got = 0
    try:
        async for reply in ask_each(Chat(base_url=url), [f"item {n}" for n in range(count)], "say {item}", into=path):
            got += 1
    except AvaError as error:
        print(got, error.kind, error)
asyncio.run(main())
"""


def program(endpoint: Endpoint, path: Path, count: int, limit: int = 0) -> subprocess.Popen[str]:
    arguments = [endpoint.url, str(path), str(count), str(limit)]
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, *arguments], stdout=subprocess.PIPE, text=True)


async def test_after_kill_9_nothing_is_lost_and_nothing_asked_twice(endpoint: Endpoint, path: Path) -> None:
    for _ in range(30):
        endpoint.says("yes")
    gate = Gate()
    endpoint.says("yes", gate)
    with program(endpoint, path, 100) as process:
        endpoint.wait_for_request(31 + 7)  # eight hang, and thirty are done or about to be
        process.send_signal(signal.SIGKILL)
    gate.open()
    kept = len(records(path))
    assert kept >= 22
    endpoint.forget()
    endpoint.says("again")
    items = [f"item {n}" for n in range(100)]
    replies = await run(endpoint.url, path, items)
    assert replies.text.count("yes") == kept
    assert replies.text.count("again") == 100 - kept == len(endpoint.requests)
    asked = sorted(request.messages[0][1] for request in endpoint.requests)  # eight at once come in any order
    assert asked == sorted(f"say {item}" for item, text in zip(items, replies.text, strict=True) if text == "again")
    assert len(records(path)) == 100


def test_a_full_disk_is_one_line_and_keeps_what_is_done(endpoint: Endpoint, path: Path) -> None:
    endpoint.says("x" * 500)
    with program(endpoint, path, 1_000, limit=20_000) as process:
        said, _ = process.communicate(timeout=60)
    got, kind, words = said.split(" ", 2)
    assert kind == "config"
    assert "File too large; what is done is kept" in words
    assert len(records(path)) >= 20  # and every line is whole
    assert len(records(path)) <= int(got) < 1_000


async def test_a_long_file_is_looked_through_without_being_held(model: Model, path: Path) -> None:
    import tracemalloc

    await run(model, path, ["a"])
    line = path.read_text()
    key = json.loads(line)["key"]
    with path.open("a") as file:
        for n in range(20_000):
            file.write(line.replace(key, f"{n:032x}").replace("SAY A", "x" * 1_000))
    tracemalloc.start()
    await run(model, path, ["a"])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12e6  # of a file of 25 MB


async def test_a_reply_of_half_a_character_can_be_written(path: Path) -> None:
    async def broken(model: str, messages: Any, **options: Any) -> Any:
        yield "\ud83d"

    assert [r.text async for r in ask_each(Chat(provider=broken), ["x"], "{item}", into=path)] == ["\ufffd"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [r.text async for r in ask_each(Chat(provider=broken), ["x"], "{item}", into=path)] == ["\ufffd"]


async def test_no_secret_of_an_item_that_was_not_sent_is_written(path: Path) -> None:
    from ava_magic.many.results import Head, to_line

    line = to_line(Head("00", "00", failed=True), 0, "private", Reply("", error=AvaError("no", "config")))
    assert b"private" not in line
