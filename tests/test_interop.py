"""Endpoints that nobody here wrote, each in an environment of its own.

Left out with ``-m "not interop"``.  The environment is made once in the folder that ``AVA_INTEROP_HOME`` names, or else
in a temporary one.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from ava_magic import AvaError, Chat, transport

from .kernel import HTML, Kernel

pytestmark = pytest.mark.interop

_CONFIG = """
model_list:
  - model_name: mocked
    litellm_params:
      model: openai/mocked
      api_key: none
      mock_response: "The proxy says **hello** to you, word by word."
"""


_KEY = "sk-" + secrets.token_hex(8)  # the proxy wants one that begins so


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a LiteLLM proxy with one mocked model."""
    home = Path(os.environ.get("AVA_INTEROP_HOME") or tmp_path_factory.mktemp("interop")) / "litellm"
    binaries = home / ("Scripts" if os.name == "nt" else "bin")
    if not (binaries / "litellm").exists():
        venv.create(home, with_pip=True)
        subprocess.run([binaries / "pip", "install", "--quiet", "litellm[proxy]"], check=True, timeout=900)
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(_CONFIG)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "VIRTUAL_ENV", "PYTHONPATH")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [binaries / "litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=environment | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": _KEY},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/health/liveliness", process, folder / "log")
        yield f"http://127.0.0.1:{port}/v1"
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
    raise AssertionError(f"the proxy did not start:\n{log.read_text()[-3000:]}")


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
