"""``--each`` on the workers of a Dask cluster of processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ava_magic import AvaError, Chat, Replies
from ava_magic.conversation.exchanges import Message
from ava_magic.many.each import Batch
from ava_magic.many.items import items_of
from ava_magic.many.progress import Result
from ava_magic.many.template import Template, Words

from .endpoint import END, Endpoint, Gate
from .kernel import HTML, Kernel
from .waiting import until

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.dask,
    pytest.mark.filterwarnings("ignore"),  # what Dask and its dependencies warn of at each end of a cluster
]


CLUSTER = {
    **{"n_workers": 2, "threads_per_worker": 1, "processes": True},
    **{"dashboard_address": None, "host": "127.0.0.1"},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes of one thread each."""
    with distributed.LocalCluster(**CLUSTER) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


def batch(chat: Chat, items: Any, results: list[Result], **options: Any) -> Batch:
    from ava_magic.many.workers import Workers

    template = Template("say {item}", {}, Words())
    return Batch(
        chat, items_of(items), template, asker=Workers(), on_result=results.append, **{"changes": {}, **options}
    )


async def ask(chat: Chat, items: Any, **options: Any) -> Replies:
    results: list[Result] = []
    return Replies([reply async for reply in batch(chat, items, results, **options).replies()])


class Where:
    """A plug-in that says where it runs."""

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Message], **kwargs: Any) -> AsyncIterator[str]:
        await asyncio.sleep(0.02)
        yield f"{os.getpid()} {messages[-1]['content']}"


async def test_the_items_are_spread_over_the_workers_in_order(client: Any) -> None:
    replies = await ask(Chat(provider=Where), range(40))
    assert [text.split(" ", 1)[1] for text in replies.text] == [f"say {n}" for n in range(40)]
    pids = {int(text.split()[0]) for text in replies.text}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert replies[0].messages[-1]["content"] == "say 0"


async def test_a_plug_in_is_found_by_its_name_on_the_workers(client: Any) -> None:
    [reply] = await ask(Chat(provider="tests.test_dask:Where"), [1])
    assert not reply.text.startswith(f"{os.getpid()} ")
    assert reply.provider == "Where"


async def test_a_worker_asks_more_at_once_than_it_has_threads(client: Any, endpoint: Endpoint) -> None:
    gates = [Gate() for _ in range(6)]
    for gate in gates:
        endpoint.says(gate, "yes")
    asked = asyncio.create_task(ask(Chat(base_url=endpoint.url), range(6), concurrency=6))
    await asyncio.to_thread(endpoint.wait_for_request, 6)
    for gate in gates:
        gate.open()
    assert (await asked).text == ["yes"] * 6


async def test_an_error_comes_back_as_what_it_is(client: Any, endpoint: Endpoint) -> None:
    endpoint.answers("half", b"")
    [reply] = await ask(Chat(base_url=endpoint.url), [1])
    assert reply.text == "half"
    assert reply.error is not None
    assert reply.error.kind == "truncated"


async def test_a_refusal_on_a_worker_is_told_at_home(client: Any, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.answers(status=429, headers="Retry-After: 1\r\nContent-Length: 0\r\n")
    endpoint.answers(gate, "yes", END)
    results: list[Result] = []
    run = batch(Chat(base_url=endpoint.url), [1], results)
    task = asyncio.create_task(anext(run.replies()))
    await until(lambda: run.throttle.waiting)
    assert run.throttle.allowed == 4
    gate.open()
    assert (await task).text == "yes"


async def test_closing_it_hangs_up_on_the_workers(client: Any, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    endpoint.says("no", Gate())
    async with aclosing(batch(Chat(base_url=endpoint.url), range(4), [], concurrency=1).replies()) as replies:
        await anext(replies)
        await asyncio.to_thread(endpoint.wait_for_request, 2)
    assert await asyncio.to_thread(endpoint.requests[1].hung_up.wait, 5)
    assert len(endpoint.requests) == 2


async def test_a_worker_that_dies_loses_nothing(endpoint: Endpoint, tmp_path: Path) -> None:
    """What has come back is not asked again; what the worker was at is asked by another one."""
    gates: list[Gate] = []
    for _ in range(4):
        endpoint.says("yes")
    for _ in range(4):
        gates.append(Gate())
        endpoint.says(gates[-1], "yes")
    endpoint.says("yes")
    path = tmp_path / "results.jsonl"
    with distributed.LocalCluster(**CLUSTER) as cluster, distributed.Client(cluster) as client:
        client.wait_for_workers(2)
        results: list[Result] = []
        run = batch(Chat(base_url=endpoint.url), range(12), results, concurrency=4, into=path)
        task = asyncio.create_task(_all(run))
        await asyncio.to_thread(endpoint.wait_for_request, 8)
        await until(lambda: len(results) >= 4)
        processing = await asyncio.to_thread(client.processing)
        victim = max(processing, key=lambda worker: len(processing[worker]))
        pids = await asyncio.to_thread(client.run, os.getpid)
        gathered = {result.position for result in results}
        os.kill(pids[victim], signal.SIGKILL)
        for gate in gates:
            gate.open()
        texts = await task
    assert texts == ["yes"] * 12
    asked = [request.messages[0][1] for request in endpoint.requests]
    assert len(gathered) >= 4
    assert all(asked.count(f"say {n}") == 1 for n in gathered)
    assert len(asked) > 12
    assert len(path.read_text().splitlines()) == 12


async def _all(run: Batch) -> list[str]:
    return [reply.text async for reply in run.replies()]


async def test_futures_are_released_when_their_results_are_here(client: Any, endpoint: Endpoint) -> None:
    endpoint.says("yes")
    async with aclosing(batch(Chat(base_url=endpoint.url), range(20), [], concurrency=2).replies()) as replies:
        async for _ in replies:
            assert len(client.futures) <= 4  # those under way, and those whose release is
    await until(lambda: not client.futures)  # the client tells the scheduler in a loop of its own


async def test_no_key_is_in_a_task(client: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint.says("yes")
    secret = "only-" + "at-home"
    with pytest.raises(AvaError, match="a key is not sent to Dask's workers") as error:
        raise (await ask(Chat(base_url=endpoint.url, api_key=secret), [1])).errors[0]
    assert secret not in str(error.value)
    monkeypatch.setenv("AVA_API_KEY", secret)
    await ask(Chat(base_url=endpoint.url), [1])
    assert "authorization" not in endpoint.requests[-1].headers
    await asyncio.to_thread(client.run, lambda: os.environ.update(AVA_API_KEY="the-" + "workers-own"))
    await ask(Chat(base_url=endpoint.url), [2])
    assert endpoint.requests[-1].headers["authorization"] == "Bearer the-workers-own"
    await asyncio.to_thread(client.run, lambda: os.environ.pop("AVA_API_KEY"))


@dataclass
class Mood:
    happy: bool


async def test_data_is_checked_there_and_is_an_object_here(client: Any, endpoint: Endpoint) -> None:
    endpoint.says('{"happy": "perhaps"}')
    endpoint.says('{"happy": true}')
    [reply] = await ask(Chat(base_url=endpoint.url), [1], changes={"format": "json", "schema": Mood})
    assert reply.data == Mood(happy=True)
    assert len(endpoint.requests) == 2


async def test_the_endpoint_is_chosen_here(client: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint.says("yes")
    monkeypatch.setenv("AVA_BASE_URL", endpoint.url)
    assert (await ask(Chat(), [1])).text == ["yes"]


async def test_a_task_of_the_users_can_ask_for_each(client: Any, endpoint: Endpoint) -> None:
    endpoint.says("yes")

    def partition(url: str, items: list[str]) -> list[str]:
        from ava_magic import ask_each

        async def texts() -> list[str]:
            return [reply.text async for reply in ask_each(Chat(base_url=url), items, "say {item}")]

        return asyncio.run(texts())

    future = client.submit(partition, endpoint.url, ["a", "b"])
    assert await asyncio.to_thread(future.result) == ["yes", "yes"]


async def test_without_a_client_it_is_one_line() -> None:
    with pytest.raises(AvaError, match="--dask needs an active client"):
        await ask(Chat(provider=Where), [1])


@pytest.fixture
def asked(asked: Kernel, cluster: Any) -> Iterator[Kernel]:
    """With items, and a client of the cluster."""
    asked.run("names = ['Ada', 'Bea', 'Cleo']")
    cell = asked.run(f"from distributed import Client\nclient = Client({cluster.scheduler_address!r})")
    assert cell.status == "ok", cell.error
    yield asked
    asked.run("client.close()")


def test_the_magic_asks_on_the_workers_and_stop_cancels_there(
    asked: Kernel, endpoint: Endpoint, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    endpoint.says("yes")
    endpoint.says("no", Gate())
    code = f"%ava --each names --dask --concurrency 1 --into {path} Greet {{item}}"
    cell = asked.start(code)
    asked.collect(cell, lambda: any("1/3" in json.dumps(c) for c in cell.of_type("comm_msg")))
    endpoint.wait_for_request(2)
    asked.interrupt()
    assert asked.finish(cell).error.startswith("Stopped: stopped; the 1 that are done are kept")
    assert endpoint.requests[1].hung_up.wait(20)
    endpoint.forget()
    endpoint.says("again")
    cell = asked.run(code)
    assert cell.status == "ok", cell.error
    assert asked.value("_.text") == "['yes', 'again', 'again']"
    assert "1 from" in cell.outputs[0]["data"][HTML]
