"""``python -m tests.matrix [--list] [row ...]``: the kernel and terminal tests on other versions, as a Markdown table.

Each row is an environment of its own, made by uv (``pip install uv``) and thrown away.  The Pythons must be there:
uv finds those on the path, its own, and pyenv's.  What is pinned is installed first, as a service does it that
hands out notebooks; then ava_magic comes on top, which must change nothing that was there.  The row ``lab-4.2`` runs
an old JupyterLab in Chromium instead of the kernel and terminal tests.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

_ROOT = Path(__file__).parents[1]
_TESTS = ("kernel", "places", "everywhere", "programs", "terminal", "stop", "nothing_lost", "background", "notebook")
_SHOWN = ("ipython", "ipykernel", "ipywidgets")


@dataclass(frozen=True)
class Row:
    """A Python, what is installed in it beforehand, which versions uv takes for the rest, and what is tested."""

    python: str
    pins: tuple[str, ...] = ()
    resolution: str = "highest"
    tests: tuple[str, ...] = _TESTS


ROWS = {
    "newest-3.11": Row("3.11"),
    "newest-3.12": Row("3.12"),
    "newest-3.13": Row("3.13"),
    "8.12-6.29": Row("3.11", ("ipython==8.12.*", "ipykernel==6.29.*")),
    "8.37-6.31": Row("3.12", ("ipython==8.37.*", "ipykernel==6.31.*")),
    "8.37-7.0": Row("3.13", ("ipython==8.37.*", "ipykernel==7.0.*")),
    "9-6.29": Row("3.13", ("ipython==9.*", "ipykernel==6.29.*")),
    "9-7.0": Row("3.11", ("ipython==9.*", "ipykernel==7.0.*")),
    "colab": Row("3.12", ("ipython==7.34.0", "ipykernel==6.17.1", "ipywidgets==7.7.1")),
    "lab-4.2": Row("3.11", ("jupyterlab==4.2.*", "ipykernel==6.29.*", "playwright"), tests=("front_ends",)),
    "lowest": Row("3.11", resolution="lowest-direct"),
}


@dataclass(frozen=True)
class Outcome:
    """What came of a row; ``failed`` names the tests that did, and a package that was changed."""

    passed: int
    skipped: int
    failed: tuple[str, ...]


class Environment:
    """A virtual environment in ``folder`` with what a row asks for."""

    def __init__(self, folder: Path, row: Row) -> None:
        self.python = str(folder / "bin" / "python")
        self._row = row
        _uv("venv", "--quiet", "--python", row.python, str(folder))

    def install(self) -> tuple[str, ...]:
        """Install the pins, then ava_magic, then what its tests need; return what ava_magic changed of the first."""
        changed: tuple[str, ...] = ()
        if self._row.pins:
            self._install(*self._row.pins)
            before = self.versions()
            self._install("-e", str(_ROOT))
            after = self.versions()
            changed = tuple(f"{name} {was} became {after[name]}" for name, was in before.items() if after[name] != was)
        self._install("-e", f"{_ROOT}[test]", *self._row.pins)
        return changed

    def versions(self) -> dict[str, str]:
        listed = _uv("pip", "freeze", "--quiet", "--python", self.python)
        return dict(line.split("==") for line in listed.splitlines() if "==" in line)

    def test(self, report: Path, log: Path) -> Outcome:
        command = [self.python, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile"]
        command += [f"--junitxml={report}", "-p", "no:cacheprovider"]
        # Old jupyter-client leaves a loop to the garbage collector, which complains about it in whatever test runs.
        command += ["-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
        command += [f"tests/test_{name}.py" for name in self._row.tests]
        with log.open("w") as output:
            subprocess.run(command, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT, env=_environment(), check=False)
        return _outcome(report)

    def _install(self, *what: str) -> None:
        options = ["--quiet", "--compile-bytecode", "--python", self.python, "--resolution", self._row.resolution]
        _uv("pip", "install", *options, *what)


def _uv(*arguments: str) -> str:
    done = subprocess.run(["uv", *arguments], env=_environment(), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _environment() -> dict[str, str]:
    """Ours, less what says which environment it is; pyenv shows all its Pythons and not only the chosen one."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    if shutil.which("pyenv"):
        versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True)
        environment["PYENV_VERSION"] = ":".join(versions.stdout.split())
    return environment


def _outcome(report: Path) -> Outcome:
    if not report.exists():
        return Outcome(0, 0, ("pytest did not run",))
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    names = tuple(dict.fromkeys(f"{case.get('classname')}::{case.get('name')}" for case in failed))
    return Outcome(len(cases) - len(failed) - skipped, skipped, names)


def _run(name: str, row: Row, logs: Path) -> tuple[str, tuple[str, ...]]:
    """The row's line of the table, and what failed in it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder) / "env", row)
        changed = environment.install()
        versions = environment.versions()
        outcome = environment.test(Path(folder) / "report.xml", logs / f"{name}.log")
        python = subprocess.run([environment.python, "-V"], capture_output=True, text=True, check=True)
    failed = (*changed, *outcome.failed)
    cells = [python.stdout.split()[1], *(versions.get(package, "") for package in _SHOWN)]
    cells += [str(outcome.passed), str(outcome.skipped), str(len(failed))]
    return f"| {name} | {' | '.join(cells)} |", failed


def _table(rows: dict[str, Row], logs: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "| row | Python | IPython | ipykernel | ipywidgets | passed | skipped | failed |", ()
    yield "| --- | --- | --- | --- | --- | ---: | ---: | ---: |", ()
    for name, row in rows.items():
        yield _run(name, row, logs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="The kernel tests on other versions.")
    parser.add_argument("rows", nargs="*", metavar="row", help="which to run; all, when none is named")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--logs", type=Path, help="keep pytest's output here, in ROW.log")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    if arguments.list:
        for name, row in ROWS.items():
            print(f"{name:<13}Python {row.python}, {', '.join(row.pins) or row.resolution}")
        return
    if not shutil.which("uv"):
        parser.error("uv makes the environments: pip install uv")
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        logs = arguments.logs or Path(folder)
        logs.mkdir(parents=True, exist_ok=True)
        for line, failed in _table({name: ROWS[name] for name in arguments.rows or ROWS}, logs):
            print(line, flush=True)
            failures += [f"{line.split(' | ')[0][2:]}: {name}" for name in failed]
    for failure in failures:
        print(f"FAILED {failure}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
