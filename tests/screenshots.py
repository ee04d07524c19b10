"""``python -m tests.screenshots FOLDER``: the pictures of README, taken from the real thing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .endpoint import END, Endpoint, Gate
from .lab import Lab

_REPLY = Path(__file__).with_name("rich_reply.md").read_text("utf-8")


def main(target: Path) -> None:
    endpoint = Endpoint()
    gate = Gate()
    words = [_REPLY[start : start + 7] for start in range(0, len(_REPLY), 7)]
    half = len(words) * 2 // 3
    endpoint.answers(*words[:half], gate, *words[half:], END)
    lab = Lab(Path(tempfile.mkdtemp()), scale=1.5)
    try:
        lab.page.set_viewport_size({"width": 860, "height": 560})
        lab.open(
            "%load_ext ava_magic",
            f"%%ava --base-url {endpoint.url}\nWhat does this table show, and how would I plot it?",
        )
        lab.run_cell(0)
        lab.run_cell(1)
        assert gate.reached.wait(30)
        lab.page.get_by_role("button", name="Stop").wait_for()
        lab.output(1).locator(".highlight").wait_for()  # the last that has come
        lab.page.screenshot(path=target / "streaming.png")
        gate.open()
        lab.wait_until_idle()
    finally:
        lab.close()
        endpoint.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
