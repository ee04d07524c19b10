"""What would end the program, raised by a provider's or an item's own code, ends the question and leaves the kernel."""

from __future__ import annotations

import pytest

from .kernel import Kernel

_PROVIDERS = """
import sys
import types

async def exits(model, messages, **fields):
    yield "half of it"
    sys.exit("gone")

async def interrupts(model, messages, **fields):
    yield "half of it"
    raise KeyboardInterrupt

class Odd(BaseException):
    pass

async def ends_oddly(model, messages, **fields):
    yield "half of it"
    raise Odd

sys.modules["plug"] = types.ModuleType("plug")
vars(sys.modules["plug"]).update(exits=exits, interrupts=interrupts, ends_oddly=ends_oddly)

def up_to_an_exit():
    yield 1
    sys.exit("no more")
"""


@pytest.fixture
def plugged(kernel: Kernel) -> Kernel:
    cell = kernel.run(_PROVIDERS)
    assert cell.status == "ok", cell.error
    return kernel


@pytest.mark.parametrize(("provider", "told"), [("exits", "gone"), ("interrupts", "Stopped: "), ("ends_oddly", "Odd")])
@pytest.mark.parametrize("options", ["", "--each items ", "-b --each items "])
def test_the_kernel_goes_on(plugged: Kernel, provider: str, told: str, options: str) -> None:
    plugged.run("items = ['a', 'b']")
    awaits = "\nawait _later" if "-b" in options else ""
    cell = plugged.run(f"_later = %ava {options}-p plug:{provider} what of {{item}}?{awaits}")
    assert cell.status == "error"
    assert told in cell.error
    assert plugged.value("1 + 1") == "2"


def test_a_provider_that_interrupts_is_a_stop(plugged: Kernel) -> None:
    cell = plugged.run("%ava -p plug:interrupts hi")
    assert cell.error == "Stopped: the reply was stopped; what had come is kept, in _ and in the conversation"
    assert plugged.value("(_.text, _.partial)") == "('half of it', True)"


@pytest.mark.parametrize(
    ("provider", "told"), [("exits", "the provider exits failed: SystemExit: gone"), ("interrupts", "stopped before")]
)
def test_beside_another_it_leaves_that_one(plugged: Kernel, provider: str, told: str) -> None:
    cell = plugged.run(f"%ava -p plug:{provider} -p guide hi")
    assert cell.status == "ok", cell.error
    assert told in cell.shown
    assert plugged.value("bool(_[1].text)") == "True"


def test_items_that_exit_end_the_run_with_what_was_done(plugged: Kernel) -> None:
    cell = plugged.run("source = up_to_an_exit()\n%ava --each source -p guide what is {item}?")
    assert "no more" in cell.error
    assert plugged.value("len(_)") == "1"


def test_in_the_background_the_place_of_the_reply_tells(plugged: Kernel) -> None:
    cell = plugged.run("later = %ava -b -p plug:exits hi\ntry:\n    await later\nexcept SystemExit:\n    pass")
    assert "SystemExit: gone" in cell.shown
