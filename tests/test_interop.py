"""Endpoints that nobody here wrote, each in an environment of its own.

Left out with ``-m "not interop"``.  The environment is made once in the folder that ``AVA_INTEROP_HOME`` names, or else
in a temporary one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import time
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from ava_magic import AvaError, Chat, transport

from .kernel import HTML, Kernel
from .service import started

pytestmark = pytest.mark.interop

_KEY = "sk-" + secrets.token_hex(8)  # LiteLLM's proxy wants one that begins so
_CONFIG = """
model_list:
  - model_name: mocked
    litellm_params:
      model: openai/mocked
      api_key: none
      mock_response: "The proxy says **hello** to you, word by word."
  - model_name: served
    litellm_params:
      model: openai/guide
      api_base: {url}/v1
      api_key: none
  - model_name: misled
    litellm_params:
      model: openai/guide
      api_base: {url}/nowhere
      api_key: none
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environments are."""
    return Path(os.environ.get("AVA_INTEROP_HOME") or tmp_path_factory.mktemp("interop"))


def environment(home: Path, name: str, *packages: str) -> Path:
    """The folder of the programs of an environment that has ``packages``, made where it is not there."""
    binaries = home / name / ("Scripts" if os.name == "nt" else "bin")
    if not (home / name / "made").exists():
        venv.create(home / name, with_pip=True)
        subprocess.run([binaries / "pip", "install", "--quiet", *packages], check=True, timeout=1800, env=_outside())
        (home / name / "made").touch()
    return binaries


def _outside() -> dict[str, str]:
    """The environment's variables, less those that lead into this one."""
    return {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "VIRTUAL_ENV", "PYTHONPATH")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str | Path], health: str, folder: Path, **variables: str) -> Iterator[None]:
    """A server that is up while the block runs."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=_outside() | variables, stdout=log, stderr=log)
    try:
        _wait_until_it_answers(health, process, folder / "log")
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"it did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    """The URL of this package's own server."""
    with started() as (_, url):
        yield url


@pytest.fixture(scope="module")
def litellm(home: Path, ours: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a LiteLLM proxy with a mocked model, and with our own server behind it."""
    binaries = environment(home, "litellm", "litellm[proxy]")
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(_CONFIG.format(url=ours))
    port = free_port()
    command: list[str | Path] = [
        binaries / "litellm",
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    health = f"http://127.0.0.1:{port}/health/liveliness"
    with running(command, health, folder, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MASTER_KEY=_KEY):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture(scope="module")
def llama(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of llama.cpp, by llama-cpp-python's server, with a model of random weights: real tokens, no sense."""
    if not (home / "llama_cpp" / "made").exists() and "AVA_ENGINE" not in os.environ:
        pytest.skip("llama.cpp comes as source, and is compiled for five minutes: AVA_ENGINE=1 allows it")
    binaries = environment(home, "llama_cpp", "llama-cpp-python[server]", "gguf")
    folder = tmp_path_factory.mktemp("llama")
    script = Path(__file__).with_name("tiny_model.py")
    subprocess.run([binaries / "python", script, folder / "tiny.gguf"], check=True, timeout=120, env=_outside())
    port = free_port()
    command: list[str | Path] = [
        binaries / "python",
        "-m",
        "llama_cpp.server",
        "--model",
        "tiny.gguf",
        "--port",
        str(port),
    ]
    command += ["--n_ctx", "512"]
    with running(command, f"http://127.0.0.1:{port}/v1/models", folder):
        yield f"http://127.0.0.1:{port}/v1"


async def test_a_conversation_through_litellm(litellm: str) -> None:
    chat = Chat(base_url=litellm, model="mocked", api_key=_KEY)
    deltas = [delta async for delta in chat.stream("hi")]
    assert len(deltas) > 1
    assert "".join(deltas) == "The proxy says **hello** to you, word by word."
    reply = await chat.ask("again")
    assert [message["role"] for message in reply.messages] == ["user", "assistant", "user"]
    assert reply.finish_reason == "stop"
    await transport.close()


async def test_an_unknown_model_at_litellm_is_one_line(litellm: str) -> None:
    with pytest.raises(AvaError) as caught:
        await Chat(base_url=litellm, model="nonesuch", api_key=_KEY, retries=0).ask("hi")
    assert "nonesuch" in str(caught.value)
    assert caught.value.kind == "bad_request"
    await transport.close()


async def test_a_wrong_key_at_litellm_is_one_line(litellm: str) -> None:
    with pytest.raises(AvaError) as caught:
        await Chat(base_url=litellm, model="mocked", api_key="sk-wrong", retries=0).ask("hi")
    assert caught.value.kind in ("auth", "bad_request")  # without a database, the proxy says 400
    assert len(str(caught.value).splitlines()) == 1
    await transport.close()


def test_a_cell_through_litellm(litellm: str, kernel: Kernel) -> None:
    kernel.run(f"import os; os.environ['AVA_API_KEY'] = {_KEY!r}", store_history=False)
    cell = kernel.run(f"%ava --base-url {litellm} -m mocked what do you say?")
    assert cell.status == "ok", cell.error
    assert "<strong>hello</strong>" in cell.outputs[0]["data"][HTML]


async def test_our_server_behind_litellm(litellm: str) -> None:
    chat = Chat(base_url=litellm, model="served", api_key=_KEY, options={"pace": 0})
    deltas = [delta async for delta in chat.stream("what is a cassette?")]
    assert len(deltas) > 10
    reply = await chat.ask("and how do I stop a reply?")
    assert "before it you asked: \u201cwhat is a cassette?\u201d" in reply.text
    assert reply.finish_reason == "stop"
    await transport.close()


async def test_an_error_of_our_server_behind_litellm(litellm: str) -> None:
    with pytest.raises(AvaError) as caught:
        await Chat(base_url=litellm, model="misled", api_key=_KEY, retries=0).ask("hi")
    assert caught.value.kind == "bad_request"
    assert "POST /nowhere/chat/completions: 404" in str(caught.value)  # our server's words
    await transport.close()


_LANGCHAIN = """
import asyncio, json, sys
from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url=sys.argv[1] + "/v1", api_key="none", model="guide", max_retries=0)

async def ask():
    whole = model.invoke("what is a cassette?")
    chunks = list(model.stream([("user", "what is a cassette?"), ("assistant", "A tape."), ("user", "and a turn?")]))
    later = [chunk async for chunk in model.astream("what is a cassette?")]
    text = "".join(chunk.content for chunk in chunks)
    print(json.dumps([whole.content, text, len(chunks), "".join(chunk.content for chunk in later)]))
    print(whole.response_metadata["finish_reason"], chunks[-1].response_metadata or chunks[-2].response_metadata)

asyncio.run(ask())
"""


def test_langchain_talks_to_our_server(home: Path, ours: str) -> None:
    python = environment(home, "langchain", "langchain-openai") / "python"
    done = subprocess.run(
        [python, "-c", _LANGCHAIN, ours], capture_output=True, text=True, timeout=120, env=_outside(), check=False
    )
    assert done.returncode == 0, done.stderr
    answer, end = done.stdout.splitlines()
    whole, streamed, chunks, later = json.loads(answer)
    assert whole == later
    assert "ava_magic" in whole
    assert "before it you asked: \u201cwhat is a cassette?\u201d" in streamed
    assert chunks > 10
    assert end.count("stop") == 2


async def test_a_real_engine_streams_its_tokens(llama: str) -> None:
    chat = Chat(base_url=llama, temperature=0.0, max_tokens=40)
    deltas = [delta async for delta in chat.stream("hi")]
    assert len(deltas) > 5
    reply = await chat.ask("and now?")
    assert reply.text
    assert reply.model == "tiny.gguf"
    assert reply.finish_reason in ("stop", "length")
    assert [message["role"] for message in reply.messages] == ["user", "assistant", "user"]
    assert str(await Chat(base_url=llama, temperature=0.0, max_tokens=40).ask("hi")) == "".join(deltas)
    await transport.close()


async def test_a_prompt_too_long_for_a_real_engine_is_one_line(llama: str) -> None:
    with pytest.raises(AvaError) as caught:
        await Chat(base_url=llama).ask("far too long " * 200)
    assert caught.value.kind in ("truncated", "bad_request", "api")
    assert "too long" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    await transport.close()


async def test_a_real_engine_can_be_stopped_and_asked_again(llama: str) -> None:
    chat = Chat(base_url=llama, temperature=0.0, max_tokens=300)
    stream = chat.stream("hi")
    first = await anext(stream)
    await stream.aclose()
    assert chat.conversation[0].partial
    assert chat.conversation[0].reply.startswith(first)
    assert (await chat.ask("go on", max_tokens=5)).text
    await transport.close()


def test_a_cell_that_asks_a_real_engine(llama: str, kernel: Kernel) -> None:
    cell = kernel.run(f"%ava --base-url {llama} -t 0 --max-tokens 40 hi")
    assert cell.status == "ok", cell.error
    assert re.search(r"tiny\.gguf .* \d\.\d s", cell.outputs[0]["data"]["text/plain"])
    assert int(kernel.value("len(str(_))")) > 5


async def test_our_server_in_front_of_a_real_engine(llama: str) -> None:
    with started("--provider", "llamacpp", "--base-url", llama) as (_, url):
        reply = await Chat(base_url=url, temperature=0.0, max_tokens=40).ask("hi")
    assert (reply.text, reply.model) == (
        (await Chat(base_url=llama, temperature=0.0, max_tokens=40).ask("hi")).text,
        "tiny.gguf",
    )
    await transport.close()
