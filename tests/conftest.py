"""What the tests stand on: a scripted endpoint, a real kernel, a real terminal."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .endpoint import Endpoint
from .kernel import Kernel
from .terminal import Terminal

for name in [name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL"))]:
    del os.environ[name]  # the tests' endpoints are their own

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # how long an example takes is the machine's affair

LIBRARIES = ("numpy", "pandas")
TESTED_WITH_THEM = ["test_tables.py", "test_other_tables.py", "test_examples.py"]
collect_ignore = (
    [] if all(map(importlib.util.find_spec, LIBRARIES)) else TESTED_WITH_THEM
)  # they are heavy, and there is not one for every Python that the rest is tested on


TAKES_LONG = {
    "CHROMIUM",
    "Kernel",
    "MUTATIONS",
    "NotebookClient",
    "Offline",
    "Program",
    "Terminal",
    "distributed",
    "subprocess",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a module that starts processes, or that tries thousands of cases: ``-m "not slow"`` is the quick rest."""
    for item in items:
        if isinstance(item, pytest.Function) and not TAKES_LONG.isdisjoint(vars(item.module)):
            item.add_marker("slow")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with closing(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def shared_kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.shutdown()


@pytest.fixture
def kernel(shared_kernel: Kernel) -> Kernel:
    """A kernel with the extension loaded and nothing said."""
    shared_kernel.run("get_ipython().config.pop('AvaMagics', None)\n%reload_ext ava_magic\n%reset -f")
    return shared_kernel


@pytest.fixture
def fresh_kernel() -> Iterator[Kernel]:
    """A kernel of its own: what these tests do to it stays done."""
    kernel = Kernel()
    yield kernel
    kernel.shutdown()


@pytest.fixture
def asked(kernel: Kernel, endpoint: Endpoint) -> Kernel:
    """A kernel that asks the scripted endpoint."""
    kernel.run(f"%config AvaMagics.base_url = {endpoint.url!r}")
    return kernel


@pytest.fixture
def aborts_the_queue(kernel: Kernel) -> Iterator[None]:
    """After an error cells are aborted that were sent before it, though a busy machine's kernel reads them later."""
    kernel.run("get_ipython().kernel.stop_on_error_timeout = 0.3  # seconds")
    yield
    kernel.run("get_ipython().kernel.stop_on_error_timeout = 0")


@pytest.fixture(params=["", "--simple-prompt"], ids=["prompt", "simple"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path, endpoint: Endpoint) -> Iterator[Terminal]:
    """A terminal of either kind that asks the scripted endpoint, at its third prompt."""
    options = (*request.param.split(), f"--AvaMagics.base_url={endpoint.url}")
    with closing(Terminal(tmp_path, *options)) as terminal:
        terminal.run("%load_ext ava_magic", 2)
        yield terminal
