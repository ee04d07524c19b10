"""JupyterLab in a real browser: hostile replies do nothing, shown text stays, Stop stops, and pages come and go."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytest.importorskip("playwright.sync_api")

from .endpoint import END, Endpoint, Gate, Pause
from .hostile_replies import HOSTILE_REPLIES
from .kernel import WIDGET
from .lab import CHROMIUM, Lab

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")]

# They would take the page away with them, and the last two its process.
_NEVER_RUN_RAW = ("base-href", "meta-refresh", "meta-refresh-javascript", "tex-deep", "tex-doubled")
_CELL = "document.querySelectorAll('.jp-Notebook .jp-Cell')"


class Watch:
    """Sees whatever a page runs that it should not, and whatever it asks of anybody but its own server.

    Requests are counted twice over: as the browser makes them, and as the canary server gets them.
    """

    def __init__(self, lab: Lab) -> None:
        self._seen: list[str] = []
        self._page = lab.page
        seen = self._seen

        class Canary(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(f"fetched {self.path}")
                self.send_response(204)
                self.end_headers()

            do_HEAD = do_POST = do_OPTIONS = do_GET  # noqa: N815  (the names that http.server looks for)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.canary = f"http://127.0.0.1:{self._server.server_port}"
        self._own = tuple(f"{scheme}{lab.url.removeprefix('http')}/" for scheme in ("http", "ws"))
        lab.page.expose_function("tell", lambda what: self._seen.append(f"ran {what}"))
        lab.page.add_init_script("window.alert = window === top ? what => tell(String(what)) : top.alert")
        lab.page.on("request", self._look_at)
        lab.page.on("dialog", self._answer)

    def take(self) -> list[str]:
        """What was seen since the last time."""
        seen = sorted(set(self._seen))
        self._seen.clear()
        return seen

    def wait_for(self, number: int, beginning: str, one_of_them: str) -> None:
        """Wait for more than ``number`` things that begin so, and for one of them."""
        end = time.monotonic() + 30
        seen: set[str] = set()
        while len(seen) <= number or one_of_them not in seen:
            assert time.monotonic() < end, f"only {sorted(seen)}"
            self._page.wait_for_timeout(20)  # lets the browser tell
            seen = {what for what in self._seen if what.startswith(beginning)}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _look_at(self, request: Any) -> None:
        if not request.url.startswith((*self._own, "data:", "blob:")):
            self._seen.append(f"asked for {request.url}")

    def _answer(self, dialog: Any) -> None:
        self._seen.append(f"ran {dialog.message}")
        dialog.accept()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def watch(lab: Lab) -> Iterator[Watch]:
    watch = Watch(lab)
    yield watch
    watch.close()


# -- Hostile replies ---------------------------------------------------------------------------------------------------

# What of a reply's output could run, load, lead astray or be taken for the notebook's own: none of it may be there.
# A formula that is typeset has classes and styles of MathJax's own, but no target, no address and no foreign class.
_SUSPICIOUS = r"""
(number) => {
  const forbidden = 'script, iframe, frame, frameset, object, embed, applet, form, style, link, meta, base, img, image,'
    + ' picture, video, audio, source, track, svg, canvas, button, textarea, select, option, template, noscript, use,'
    + ' marquee, animate, plaintext, xmp, input:not([type=checkbox][disabled]), [contenteditable]';
  const carriers = ['srcdoc', 'srcset', 'src', 'action', 'formaction', 'poster', 'background', 'ping', 'xlink:href',
    'data-commandlinker-command'];
  const found = [];
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[number];
  for (const output of cell.querySelectorAll('.jp-RenderedHTMLCommon')) {
    for (const node of output.querySelectorAll(forbidden)) found.push('element ' + node.outerHTML.slice(0, 120));
    for (const node of output.querySelectorAll('*')) {
      const typeset = node.closest('mjx-container') !== null;
      for (const {name, value} of node.attributes) {
        if (name.startsWith('on') || carriers.includes(name)) found.push(`attribute ${name}=${value}`);
        if (name === 'style' && /url\(|expression|fixed|import/i.test(value)) found.push(`style ${value}`);
        if (name === 'style' && !typeset && /absolute|inset|z-index/i.test(value)) found.push(`style ${value}`);
        if (name === 'class' && typeset && /\b(jp|lm|p)-/.test(value)) found.push(`class ${value}`);
        if (name === 'name' || (name === 'id' && window[value] !== node)) found.push(`${name} ${value}`);
        if (name === 'href' && !(/^(https?:\/\/|mailto:|#)/.test(value))) found.push(`link ${value}`);
        if (name === 'href' && node.href && node.href.startsWith(location.origin) && !value.startsWith('#'))
          found.push(`link into the page's own server ${value}`);
      }
    }
  }
  return found;
}
"""
_SHOWN = f"number => {_CELL}[number].querySelector('.jp-OutputArea').innerText"
_SHOWS = rf"""
([number, phrase]) => [...{_CELL}[number].querySelectorAll('.jp-RenderedHTMLCommon')].some(
  output => output.innerText.replace(/\s+/g, ' ').includes(phrase))
"""
_SENTINEL = "$$x^2$$\n\n```mermaid\ngraph LR\n  A-->B\n```"
_SENTINEL_IS_DRAWN = f"""
['mjx-container', '.jp-RenderedMermaid :is(img, svg)'].every(drawn => [...{_CELL}].at(-1).querySelector(drawn))
"""


@dataclass
class Streamed:
    """The notebook in which every hostile reply was streamed, and what was seen meanwhile and at its end."""

    path: Path
    live: list[str]
    ended: list[str]
    unreadable: list[str]


@pytest.fixture(scope="module")
def streamed(lab: Lab, watch: Watch) -> Iterator[Streamed]:
    """Every hostile reply, streamed in pieces into a cell of its own, in one run of the notebook."""
    endpoint = Endpoint()
    gates = []
    for hostile in HOSTILE_REPLIES:
        text = hostile.text(watch.canary)
        gates.append(Gate())
        third = len(text) // 3 + 1
        pieces = [text[start : start + third] for start in range(0, len(text), third)]
        endpoint.answers(*(step for piece in pieces for step in (piece, Pause(0.01))), gates[-1], END)
    settings = f"%config AvaMagics.base_url = {endpoint.url!r}\n%config AvaMagics.frame_rate = 60"
    sentinel = f"from IPython.display import Markdown\nMarkdown({_SENTINEL!r})"
    lab.open(f"%load_ext ava_magic\n{settings}", *["%ava -n hi"] * len(gates), sentinel, name="hostile.ipynb")
    lab.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    live = []
    for number, (hostile, gate) in enumerate(zip(HOSTILE_REPLIES, gates, strict=True), start=1):
        assert gate.reached.wait(20), f"{hostile.name} was not asked for"
        lab.page.wait_for_function(_SHOWS, arg=[number, hostile.phrases[-1]])
        live += [f"{hostile.name}: {found}" for found in lab.page.evaluate(_SUSPICIOUS, number)]
        gate.open()
    _let_everything_be_drawn(lab)
    live += watch.take()
    ended = _suspicious(lab, 1)
    unreadable = _unreadable(lab, 1)
    lab.command("docmanager:save")
    yield Streamed(lab.folder / "hostile.ipynb", live, ended, unreadable)
    endpoint.close()


def _let_everything_be_drawn(lab: Lab) -> None:
    """Wait for the last cell, whose formula and diagram are drawn after everything before them."""
    lab.wait_until_idle()
    lab.page.wait_for_function(_SENTINEL_IS_DRAWN)
    lab.page.wait_for_load_state("networkidle")


def _suspicious(lab: Lab, first: int) -> list[str]:
    cells = [(hostile, lab.page.evaluate(_SUSPICIOUS, first + n)) for n, hostile in enumerate(HOSTILE_REPLIES)]
    return [f"{hostile.name}: {found}" for hostile, founds in cells for found in founds]


def _unreadable(lab: Lab, first: int) -> list[str]:
    """The replies of whose words some cannot be read, or not in their order."""
    missing = []
    for number, hostile in enumerate(HOSTILE_REPLIES, start=first):
        shown = " ".join(lab.page.evaluate(_SHOWN, number).split())
        position = 0
        for phrase in hostile.phrases:
            position = shown.find(phrase, position)
            if position < 0:
                missing.append(f"{hostile.name}: {phrase!r} is not in {shown!r}")
                break
    return missing


def test_a_hostile_reply_does_nothing_while_it_streams(streamed: Streamed) -> None:
    assert not streamed.live


def test_a_hostile_reply_does_nothing_when_it_has_ended(streamed: Streamed) -> None:
    assert not streamed.ended


def test_the_words_of_a_hostile_reply_stay_readable(streamed: Streamed) -> None:
    assert not streamed.unreadable


def test_hostile_replies_do_nothing_when_the_page_is_loaded_again(lab: Lab, watch: Watch, streamed: Streamed) -> None:
    lab.show(streamed.path.name)
    assert _is_trusted(lab)  # the kernel ran it for this user, who saved it
    _let_everything_be_drawn(lab)
    assert not watch.take() + _suspicious(lab, 1)


def test_hostile_replies_from_elsewhere_do_nothing_untrusted_or_trusted(
    lab: Lab, watch: Watch, streamed: Streamed
) -> None:
    """In one notebook each reply as it was saved, and after those each of them from ``text/markdown`` alone."""
    notebook = nbformat.read(streamed.path, as_version=4)
    bundles = [cell.outputs[0].data for cell in notebook.cells[1:-1]]
    assert all({"text/html", "text/markdown", "text/plain"} == set(bundle) for bundle in bundles)
    markdown = [{"text/markdown": bundle["text/markdown"]} for bundle in bundles]
    _write_notebook(lab.folder / "elsewhere.ipynb", [*bundles, *markdown, {"text/markdown": _SENTINEL}])
    lab.show("elsewhere.ipynb")
    assert not _is_trusted(lab)
    _let_everything_be_drawn(lab)
    assert not watch.take() + _suspicious(lab, 0) + _suspicious(lab, len(bundles))
    _trust(lab)
    _let_everything_be_drawn(lab)
    assert not watch.take() + _suspicious(lab, 0) + _suspicious(lab, len(bundles))


def test_the_same_replies_shown_as_they_are_do_harm(lab: Lab, watch: Watch) -> None:
    """The control: what the tests above do not see is there to be seen."""
    raw = [hostile for hostile in HOSTILE_REPLIES if hostile.name not in _NEVER_RUN_RAW]
    bundles = [{"text/markdown": hostile.text(watch.canary)} for hostile in raw]
    _write_notebook(lab.folder / "raw.ipynb", [*bundles, {"text/markdown": _SENTINEL}])
    lab.show("raw.ipynb")
    _trust(lab)
    watch.wait_for(40, "ran ", "ran /img-onerror/")
    watch.wait_for(25, "fetched ", "fetched /image-remote")
    lab.page.goto("about:blank")  # what it does yet is not to be seen by another test
    lab.page.wait_for_load_state("networkidle")
    watch.take()


def _write_notebook(path: Path, bundles: list[dict[str, Any]]) -> None:
    cells = [nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data)]) for data in bundles]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": _KERNEL}), path)


_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_TRUSTED = "jupyterapp.shell.currentWidget.content.widgets.every(cell => cell.model.trusted)"


def _is_trusted(lab: Lab) -> bool:
    return bool(lab.page.evaluate(_TRUSTED))


def _trust(lab: Lab) -> None:
    lab.page.evaluate("void jupyterapp.commands.execute('notebook:trust')")
    lab.page.locator(".jp-Dialog-button.jp-mod-accept").click()
    lab.page.wait_for_function(_TRUSTED)


# -- What is shown stays -----------------------------------------------------------------------------------------------

_WATCH_FRAMES = f"""
(number) => {{
  const area = {_CELL}[number].querySelector('.jp-Cell-outputArea');
  window.framesSeen = [];
  const look = () => {{
    const shown = [...area.querySelectorAll('.jp-RenderedHTML')].map(output => output.innerText).join('\\n');
    const heading = area.querySelector('h2');
    const top = heading && heading.getBoundingClientRect().top - area.getBoundingClientRect().top;
    const frame = {{shown, top, height: area.scrollHeight, live: area.querySelector('.widget-button') !== null}};
    const last = framesSeen.at(-1);
    if (!last || last.shown !== shown || last.height !== frame.height || last.live !== frame.live)
      framesSeen.push(frame);
    window.watching = requestAnimationFrame(look);
  }};
  look();
}}
"""
_PART = """\
## Part {0}: alpha{0}

Beta{0} with [a link](https://example.org/{0}) and ***much* emphasis**, `code` and ~~gone~~; see https://example.org/x{0}.

{1}

Omega{0}."""
_RICH = Path(__file__).with_name("rich_reply.md").read_text("utf-8")
_PARTS = 6


@dataclass
class Frame:
    """What one animation frame showed of a reply, without the bar over it."""

    shown: str
    top: float | None
    height: float
    live: bool

    def words(self) -> list[str]:
        """The words, without the line that stands where the bar stood, and without marks that may still be open."""
        shown = re.sub(r"\A\u25c6 .*\n", "", self.shown.lstrip())
        if self.live:
            shown = re.sub(r"\${1,2}[^$\n]*\Z", "", shown)  # a formula that is still open shows its TeX
        return re.sub(r"[*~`|_\[\]]", "", shown).split()


@pytest.fixture(scope="module")
def frames(lab: Lab) -> list[Frame]:
    """Every frame of a long rich reply, five characters at a time, about 250 times a second."""
    endpoint = Endpoint()
    text = "\n\n".join(_PART.format(number, _RICH) for number in range(_PARTS))
    gate = Gate()
    deltas = [step for start in range(0, len(text), 5) for step in (text[start : start + 5], Pause(0.003))]
    endpoint.answers(*deltas, gate, END)
    lab.open(f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}", "%ava hi", name="frames.ipynb")
    lab.run_cell(0)
    lab.wait_until_idle()
    lab.page.evaluate(_WATCH_FRAMES, 1)
    lab.run_cell(1)
    assert gate.reached.wait(120)  # its own pauses alone take some seconds
    lab.page.wait_for_function(f"framesSeen.at(-1).shown.includes('Omega{_PARTS - 1}')")
    gate.open()
    lab.wait_until_idle()
    lab.page.wait_for_function("!framesSeen.at(-1).live && framesSeen.at(-1).shown.includes('example.org')")
    seen = lab.page.evaluate("(cancelAnimationFrame(watching), framesSeen)")
    endpoint.close()
    return [Frame(**frame) for frame in seen]


def test_no_shown_word_ever_goes_away_or_moves(frames: list[Frame]) -> None:
    """Each frame's words are the next frame's first ones; only the last may still have grown.

    So none goes, none comes between two others and none is there twice, up to the output that stays and in it.
    """
    assert len(frames) > 30
    lost = []
    for frame, later in itertools.pairwise(frames):
        words, next_words = frame.words(), later.words()
        if not words:
            continue
        whole, growing = words[:-1], words[-1]
        if next_words[: len(whole)] != whole or not "".join(next_words[len(whole) :][:1]).startswith(growing):
            lost.append(f"{' '.join(words[-12:])!r} became {' '.join(next_words[max(0, len(words) - 12) :][:14])!r}")
    assert not lost


def test_no_word_is_ever_there_twice(frames: list[Frame]) -> None:
    for frame in frames:
        words = frame.words()
        for number in range(_PARTS):
            assert max(words.count(f"Beta{number}"), words.count(f"alpha{number}"), words.count(f"Omega{number}.")) <= 1


def test_marks_that_are_still_open_are_not_shown(frames: list[Frame]) -> None:
    r"""Half a table is a table, and no mark is closed that is not open (``see h*****``)."""
    strays = [match[0] for frame in frames for match in re.finditer(r"\S*\*{4,}|\| ?mo?n?t?h?.*\Z", frame.shown)]
    assert not strays


def test_the_area_never_shrinks_while_the_reply_streams(frames: list[Frame]) -> None:
    heights = [frame.height for frame in frames if frame.live]
    shrunk = [(before, after) for before, after in itertools.pairwise(heights) if after < before - 8]
    assert not shrunk


def test_the_output_that_stays_takes_the_place_of_the_area(lab: Lab, frames: list[Frame]) -> None:
    live = [frame for frame in frames if frame.live and frame.top is not None]
    final = frames[-1]
    assert final.top is not None
    assert live[-1].top == pytest.approx(final.top, abs=2)
    assert [frame.live for frame in frames].index(True) < len(frames) - 1
    assert lab.output(1).locator(".jp-OutputArea-child").count() == 1
    assert lab.output(1).locator(".jupyter-widgets").count() == 0
    lab.command("docmanager:save")
    notebook = nbformat.read(lab.folder / "frames.ipynb", as_version=4)
    [output] = notebook.cells[1].outputs
    assert set(output.data) == {"text/html", "text/markdown", "text/plain"}
    assert "widgets" not in notebook.metadata


# -- Stop, and pages that go -------------------------------------------------------------------------------------------


class Asked:
    """A notebook whose second cell asks; its reply stops halfway, at a gate."""

    def __init__(self, lab: Lab, endpoint: Endpoint, setup: str = "", question: str = "%ava hi") -> None:
        self.lab = lab
        self.endpoint = endpoint
        self.gate = Gate()
        self._log = lab.folder / "server.log"
        self._log_start = self._log.stat().st_size
        endpoint.says("first words, ", self.gate, "last words")
        lab.open(
            f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}\n{setup}",
            question,
            "str(_)",
            name="asked.ipynb",
        )
        lab.run_cell(0)
        lab.wait_until_idle()
        lab.run_cell(1)
        assert self.gate.reached.wait(20)
        lab.page.wait_for_function(_SHOWS, arg=[1, "first words,"])

    def shown(self, number: int = 1) -> str:
        return " ".join(self.lab.page.evaluate(_SHOWN, number).split())

    def saved(self, number: int = 1) -> list[dict[str, Any]]:
        """The outputs of one cell, as they are in the file after a save."""
        self.lab.command("docmanager:save")
        notebook = nbformat.read(self.lab.folder / "asked.ipynb", as_version=4)
        assert "widgets" not in notebook.metadata
        return list(notebook.cells[number].outputs)

    def run(self, number: int) -> str:
        """Run a cell to its end and return what it shows."""
        self.lab.run_to_end(number)
        return self.shown(number)

    def logged(self) -> str:
        """What the server and its kernels have logged since the notebook was opened."""
        return self._log.read_bytes()[self._log_start :].decode()


@pytest.fixture
def asked(lab: Lab, endpoint: Endpoint) -> Asked:
    return Asked(lab, endpoint)


def test_stop_is_reached_and_pressed_by_keyboard(asked: Asked) -> None:
    page = asked.lab.page
    page.get_by_role("button", name="Stop").wait_for()
    presses = 0
    while page.evaluate("document.activeElement.textContent.trim()") != "Stop":
        page.keyboard.press("Tab")
        presses += 1
        assert presses < 10, "Tab does not lead to Stop"
    page.keyboard.press("Enter")
    assert asked.endpoint.requests[0].hung_up.wait(20)
    asked.lab.output(1).get_by_text("the reply was stopped").wait_for()
    asked.lab.wait_until_idle()
    shown = asked.shown()
    assert "first words," in shown
    assert "last words" not in shown
    assert "stopped before its end" in shown
    assert "Traceback" not in shown
    assert asked.lab.output(1).locator(".jupyter-widgets").count() == 0
    reply, line = asked.saved()
    assert set(reply["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert line["output_type"] == "error"
    assert "\n" not in "\n".join(line["traceback"])
    assert "Traceback" not in asked.logged()


def test_outputs_cleared_in_mid_reply_stay_cleared_and_the_reply_is_kept(asked: Asked) -> None:
    asked.lab.command("notebook:clear-all-cell-outputs")
    assert asked.shown() == ""
    asked.gate.open()
    asked.lab.wait_until_idle()
    assert asked.saved() == []
    assert "first words, last words" in asked.run(2)
    assert "Traceback" not in asked.logged()


def test_a_cell_deleted_in_mid_reply_leaves_a_working_notebook(asked: Asked) -> None:
    asked.lab.command("notebook:delete-cell")
    asked.gate.open()
    asked.lab.wait_until_idle()
    assert "first words, last words" in asked.run(1)
    assert "Traceback" not in asked.logged()


def test_a_cell_moved_in_mid_reply_streams_on_in_its_new_place(asked: Asked) -> None:
    """JupyterLab makes a new output area for a cell that is moved, and gives it nothing more of the run under way: the
    final output finds no place, but the reply is not lost to the kernel."""
    asked.lab.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    asked.lab.command("notebook:move-cell-down")
    asked.lab.page.wait_for_function(_SHOWS, arg=[2, "first words,"])
    asked.gate.open()
    assert asked.endpoint.requests[0].hung_up.wait(20)
    assert "first words, last words" in asked.run(1)
    assert "Traceback" not in asked.logged()


def test_a_cell_split_in_mid_reply_loses_nothing_in_the_kernel(asked: Asked) -> None:
    asked.lab.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    asked.lab.command("notebook:split-cell-at-cursor")
    asked.gate.open()
    assert asked.endpoint.requests[0].hung_up.wait(20)
    asked.lab.wait_until_idle()
    assert "first words, last words" in asked.run(3)
    assert "Traceback" not in asked.logged()


def test_two_tabs_see_the_reply_and_the_first_keeps_it(asked: Asked) -> None:
    asked.saved()
    second = asked.lab.page.context.new_page()
    second.goto(f"{asked.lab.url}/lab/tree/asked.ipynb?reset")
    second.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    second.evaluate("jupyterapp.shell.currentWidget.sessionContext.ready")
    second.wait_for_function(_SHOWS, arg=[1, "first words,"])
    asked.gate.open()
    second.wait_for_function(_SHOWS, arg=[1, "first words, last words"])
    asked.lab.page.bring_to_front()
    asked.lab.page.wait_for_function(_SHOWS, arg=[1, "first words, last words"])
    asked.lab.wait_until_idle()
    second.close()
    assert "first words, last words" in asked.run(2)
    [output] = asked.saved()
    assert "first words, last words" in output["data"]["text/html"]
    assert "Traceback" not in asked.logged()


def test_a_kernel_restarted_in_mid_reply_leaves_what_had_come_and_answers_again(asked: Asked) -> None:
    """JupyterLab hears nothing more of a kernel that it restarts: the area stays as it was until the cell is run."""
    page = asked.lab.page
    page.evaluate("void jupyterapp.commands.execute('notebook:restart-kernel')")
    page.locator(".jp-Dialog-button.jp-mod-accept").click()
    assert asked.endpoint.requests[0].hung_up.wait(20)
    asked.gate.open()
    page.wait_for_function("!document.querySelector('.jp-Dialog')")
    asked.lab.wait_until_idle()
    assert "first words," in asked.shown()
    asked.run(0)
    assert "first words, last words" in asked.run(1)
    [output] = asked.saved()
    assert WIDGET not in output["data"]
    # ipykernel complains of its own closed socket when a cell ends just as it shuts down; nothing of ours may complain.
    assert "ava_magic" not in asked.logged()


def test_a_page_opened_again_in_mid_reply_shows_it_to_its_end(asked: Asked) -> None:
    """JupyterLab gives a new page no output of a cell that it did not start, but it asks for the area's state."""
    asked.saved()
    _leave(asked)
    _come_back(asked)
    asked.lab.page.wait_for_function(_SHOWS, arg=[1, "first words,"])
    asked.gate.open()
    asked.lab.page.wait_for_function(_SHOWS, arg=[1, "first words, last words"])
    assert "first words, last words" in asked.run(2)
    assert "first words, last words" in asked.shown()
    assert asked.lab.output(1).get_by_role("button", name="Stop").count() == 0
    assert "Traceback" not in asked.logged()


def test_a_long_reply_that_ended_while_no_page_was_there_is_on_the_one_that_comes_back(
    lab: Lab, endpoint: Endpoint
) -> None:
    asked = Asked(lab, endpoint, "import ava_magic.views.area as area\narea._LONG_ENOUGH_TO_LEAVE = 0")
    asked.saved()
    _leave(asked)
    asked.gate.open()
    assert asked.endpoint.requests[0].hung_up.wait(20)
    _come_back(asked)
    asked.lab.page.wait_for_function(_SHOWS, arg=[1, "first words, last words"])
    assert "first words, last words" in asked.run(2)
    assert "first words, last words" in asked.shown()
    assert "Traceback" not in asked.logged()


def test_a_reply_in_the_background_ends_under_the_cell_that_asked(lab: Lab, endpoint: Endpoint) -> None:
    asked = Asked(lab, endpoint, question="pending = %ava -b hi")
    asked.run(2)
    asked.lab.page.get_by_role("button", name="Stop").wait_for()
    asked.gate.open()
    asked.lab.page.wait_for_function(_SHOWS, arg=[1, "first words, last words"])
    asked.lab.page.wait_for_function("!document.querySelector('.jupyter-widgets')")
    [output] = asked.saved()
    assert output["metadata"]["ava_magic"]["reply"] == "first words, last words"
    assert "ava_magic" not in str(asked.saved(2))


def test_stop_stops_a_reply_in_the_background(lab: Lab, endpoint: Endpoint) -> None:
    asked = Asked(lab, endpoint, question="%ava -b hi")
    asked.lab.wait_until_idle()
    asked.lab.page.get_by_role("button", name="Stop").click()
    assert asked.endpoint.requests[0].hung_up.wait(20)
    asked.lab.page.wait_for_function(_SHOWS, arg=[1, "stopped before its end"])


def _leave(asked: Asked) -> None:
    asked.lab.page.goto("about:blank")


def _come_back(asked: Asked) -> None:
    asked.lab.page.goto(f"{asked.lab.url}/lab/tree/asked.ipynb?reset")
    asked.lab.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    asked.lab.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.ready")


def test_a_reply_in_an_output_of_the_users_stays_there(lab: Lab, endpoint: Endpoint) -> None:
    gate = Gate()
    endpoint.says("first words, ", gate, "last words")
    setup = f"%load_ext ava_magic\n%config AvaMagics.base_url = {endpoint.url!r}\nimport ipywidgets"
    place = "place = ipywidgets.Output()\nbutton = ipywidgets.Button(description='Ask')\ndisplay(button, place)"
    lab.open(setup, place, "@button.on_click\ndef ask(_):\n    with place:\n        %ava hi", name="place.ipynb")
    for number in range(3):
        lab.run_to_end(number)
    lab.output(1).locator("button").click()
    lab.output(1).get_by_text("first words,").wait_for()
    gate.open()
    lab.output(1).get_by_text("openai-compatible · scripted").wait_for()
    assert "first words, last words" in lab.output(1).inner_text()
