"""What the tests stand on: a scripted endpoint, a real kernel, a real terminal."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from .endpoint import Endpoint
from .kernel import Kernel

for name in [name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL"))]:
    del os.environ[name]  # the tests' endpoints are their own

LIBRARIES = ("numpy", "pandas")
collect_ignore = (
    [] if all(map(importlib.util.find_spec, LIBRARIES)) else ["test_tables.py", "test_other_tables.py"]
)  # they are heavy, and there is not one for every Python that the rest is tested on


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


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
