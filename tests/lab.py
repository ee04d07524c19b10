"""JupyterLab in headless Chromium: a real server, a real kernel, a real page."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

# Its prompt is written anew when it begins; what it says may be the same before and after, as in a new kernel.
_RUN = """
number => new Promise(begun => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = number;
  const prompt = notebook.widgets[number].node.querySelector('.jp-InputPrompt');
  const observer = new MutationObserver(() => { observer.disconnect(); begun(); });
  observer.observe(prompt, {childList: true, characterData: true, subtree: true});
  void jupyterapp.commands.execute('notebook:run-cell');
})
"""


class Lab:
    """A JupyterLab with one page open on one notebook.  ``folder`` holds all that it reads and writes."""

    def __init__(self, folder: Path, *, dark: bool = False, scale: float = 1) -> None:
        self.folder = folder
        self._write_settings(dark)
        options = [f"--ServerApp.root_dir={self.folder}", "--LabApp.expose_app_in_browser=True"]
        options.append("--LanguageServerManager.autodetect=False")  # one that a linter brings fills the log
        self._server, self.url = serve(folder, "jupyterlab", "--allow-root", "--IdentityProvider.token=", *options)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        self._context = self._browser.new_context(viewport={"width": 1000, "height": 800}, device_scale_factor=scale)
        self.page: Page = self._context.new_page()

    def open(self, *sources: str, name: str = "notebook.ipynb") -> None:
        """Write a notebook of code cells and open it, with its kernel ready."""
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), self.folder / name)
        self.show(name)

    def show(self, name: str) -> None:
        """Open a notebook that is there already."""
        self.page.goto(f"{self.url}/lab/tree/{name}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.wait_until_idle()
        self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.ready")
        self.page.wait_for_function("jupyterapp.commands.isEnabled('notebook:run-cell')")
        if self.page.locator("#jp-left-stack").is_visible():
            self.command("application:toggle-left-area")

    def run_cell(self, number: int) -> None:
        """Run one cell and do not wait for its end."""
        self.page.evaluate(_RUN, number)

    def run_to_end(self, number: int) -> None:
        """Run one cell and wait for its end, which gives it a number."""
        self.run_cell(number)
        prompt = f"document.querySelectorAll('.jp-Notebook .jp-Cell')[{number}].querySelector('.jp-InputPrompt')"
        self.page.wait_for_function(f"/[0-9]/.test({prompt}.textContent)")
        self.wait_until_idle()

    def command(self, name: str) -> None:
        """Execute one of JupyterLab's commands, to its end."""
        self.page.evaluate(f"jupyterapp.commands.execute({name!r})")

    def wait_until_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(
            "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'", timeout=60_000
        )

    def output(self, number: int) -> Any:
        """The output area of one cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-Cell-outputArea")

    def close(self) -> None:
        """Close the page, the browser and the server."""
        self._browser.close()
        self._playwright.stop()
        self._server.terminate()
        self._server.wait(30)

    def _write_settings(self, dark: bool) -> None:
        settings = {
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "apputils-extension/themes": {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"},
            "notebook-extension/tracker": {"windowingMode": "none"},  # what is out of sight is rendered too
        }
        for name, values in settings.items():
            path = self.folder / "config" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))


def serve(folder: Path, module: str, *options: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server of pages that reads and writes in ``folder`` alone; return it with its address."""
    with socket.socket() as held:  # so that nobody else is given the port before the server listens there
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server's own has, which may share it then
        held.bind(("127.0.0.1", 0))
        return _serve_at(held.getsockname()[1], folder, module, *options)


def _serve_at(port: int, folder: Path, module: str, *options: str) -> tuple[subprocess.Popen[bytes], str]:
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    command = [sys.executable, "-m", module, "--no-browser", f"--port={port}", *options]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/api", timeout=5).close()
        except urllib.error.HTTPError as answer:  # Voilà has no such path
            answer.close()
        except OSError:
            time.sleep(0.1)
            continue
        return server, url
    server.terminate()
    raise AssertionError((folder / "server.log").read_text())
