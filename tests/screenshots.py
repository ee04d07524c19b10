"""``python -m tests.screenshots FOLDER``: the moving picture of README, taken from the real thing.

JupyterLab in headless Chromium, a real kernel, an endpoint on loopback that plays a reply at a model's pace.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from PIL import Image

from .endpoint import END, Endpoint, Pause
from .lab import Lab

_DATA = """\
%load_ext ava_magic
import pandas as pd
points = pd.DataFrame({"x": [1, 2, 3, 4], "y": [2.1, 3.9, 6.4, 7.8]})"""
_QUESTION = "%%ava\nHow do I fit a line to {points}? And which one is off?"
_REPLY = r"""Least squares takes the slope $b$ that makes $\sum_i (y_i - a - b\,x_i)^2$ smallest:

$$b = \frac{\sum_i (x_i-\bar x)(y_i-\bar y)}{\sum_i (x_i-\bar x)^2} = \frac{9.8}{5} = 1.96$$

| x | y | off the line |
|--:|--:|-------------:|
| 1 | 2.1 | −0.01 |
| 2 | 3.9 | −0.17 |
| **3** | **6.4** | **+0.37** |
| 4 | 7.8 | −0.19 |

The **third** point is furthest from the line. NumPy finds both numbers at once:

```python
import numpy as np

b, a = np.polyfit(points["x"], points["y"], deg=1)
print(f"y = {a:.2f} + {b:.2f} x")
```
"""
_DELTA = 5  # characters
_BETWEEN = 0.05  # seconds
_BEGINNING, _END = 1.5, 4.0  # seconds that the first and the last frame stand
_COLOURS = 255


def main(target: Path) -> None:
    endpoint = Endpoint()
    os.environ["AVA_BASE_URL"] = endpoint.url
    steps = [
        step for start in range(0, len(_REPLY), _DELTA) for step in (Pause(_BETWEEN), _REPLY[start : start + _DELTA])
    ]
    endpoint.answers(Pause(0.8), *steps, END)
    lab = Lab(Path(tempfile.mkdtemp()), scale=1.5)
    try:
        lab.page.set_viewport_size({"width": 860, "height": 740})
        lab.open(_DATA, _QUESTION)
        lab.run_to_end(0)
        lab.run_cell(1)
        frames = _frames(lab)
    finally:
        lab.close()
        endpoint.close()
    _write(frames, target / "streaming.gif")


def _frames(lab: Lab) -> list[tuple[float, bytes]]:
    """The notebook's panel as often as it can be taken, with the time of each, until the reply has ended."""
    panel = lab.page.locator(".jp-NotebookPanel")
    box = panel.bounding_box()
    assert box
    footer = lab.output(1).get_by_text("scripted ·")
    frames = []
    ended = False
    while not ended:
        ended = footer.count() > 0
        frames.append((time.monotonic(), lab.page.screenshot(clip=box)))
    return frames


def _write(frames: list[tuple[float, bytes]], path: Path) -> None:
    """One animated GIF; every frame stands for as long as it stood on the screen."""
    times = [when for when, _ in frames]
    seconds = [_BEGINNING, *(after - before for before, after in pairwise(times[1:])), _END]
    images = [Image.open(io.BytesIO(data)).convert("RGB") for _, data in frames]
    few = _with_one_palette(images)
    durations = [round(second * 100) * 10 for second in seconds]  # a GIF counts in hundredths of a second
    few[0].save(path, save_all=True, append_images=few[1:], duration=durations, loop=0, optimize=True)


def _with_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """The images in the same few colours, so that what stands still does not flicker and is stored once."""
    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(images)))
    for number, image in enumerate(images):
        strip.paste(image, (0, height * number))
    strip = strip.quantize(_COLOURS, dither=Image.Dither.NONE)  # as one: mapping to a given palette loses pure white
    return [strip.crop((0, height * number, width, height * (number + 1))) for number in range(len(images))]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
