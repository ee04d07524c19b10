"""How long a word is on its way from the provider to the front end."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator

from tests.kernel import Kernel

from .table import Row

__all__ = ["lateness"]

_WORDS = 7_000  # of nine characters each: 64 kB
_RATE = 250
_SHAPES = {"mixed Markdown": "mixed", "one block of code": "code"}
_MOST = {"mixed": 0.1, "code": 1.0}  # seconds
_STAMP = re.compile(r"t(\d{7,})")

# Every word tells when it was yielded: time.monotonic is the same clock in every process of a machine.
_SETUP = """
%load_ext ava_magic
import asyncio, time

def before(shape, number):
    if shape == "code":
        return "```python\\n" if number == 0 else "\\n" if number % 8 == 0 else " "
    part = number % 60
    if part == 0: return f"\\n\\n## "
    if part in (4, 28): return "\\n\\n"
    if 28 < part < 40 and part % 4 == 0: return "\\n- "
    if part == 40: return "\\n\\n```python\\n"
    if part == 52: return "\\n```\\n\\n"
    return " "

async def stamped(model, messages, shape="mixed", **fields):
    start = time.monotonic()
    for number in range(WORDS):
        await asyncio.sleep(start + number / RATE - time.monotonic())
        yield before(shape, number) + f"t{int(time.monotonic() * 1000)}"
"""


def lateness() -> Iterator[Row]:
    """from the provider's yield to a message with the word in it, at 250 words/s and 64 kB"""
    kernel = Kernel()
    try:
        kernel.run(_SETUP.replace("WORDS", str(_WORDS)).replace("RATE", str(_RATE)))
        for what, shape in _SHAPES.items():
            late = _late(kernel, f"%ava -n -p __main__:stamped --option shape={shape} hi")
            most, promise = max(late), _MOST[shape]
            in_time = sum(seconds <= promise for seconds in late) / len(late)
            for name, seconds in {"median": statistics.median(late), f"worst, {in_time:.1%} in time": most}.items():
                ours, limit = f"{1e3 * seconds:.0f} ms", f"<= {1e3 * promise:.0f} ms"
                yield Row(f"{what}: {name}", ours, promise=limit, kept=seconds <= promise)
    finally:
        kernel.shutdown()


def _late(kernel: Kernel, code: str) -> list[float]:
    """Seconds that each word was late, in the order of their arrival."""
    cell = kernel.start(code)
    seen = 0
    late: list[float] = []

    def look() -> bool:
        nonlocal seen
        message = cell.messages[-1]
        if message["msg_type"] == "comm_msg":
            now = time.monotonic()
            fresh = [stamp for stamp in map(int, _STAMP.findall(str(message["content"]))) if stamp > seen]
            late.extend(now - stamp / 1000 for stamp in fresh)
            seen = max([seen, *fresh])
        return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")

    kernel.collect(cell, look, timeout=120)
    return late
