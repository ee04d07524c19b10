"""What is released: an sdist that is the whole repository, and a wheel that is built from it and works alone.

Nothing here needs a network: the new environment takes what ava_magic depends on from the one that runs the tests.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import pytest
import yaml

import ava_magic

from .matrix import ROWS

ROOT = Path(__file__).parents[1]
NAME = f"ava_magic-{ava_magic.__version__}"
USERS_PROJECT = Path(__file__).with_name("users_project.py")
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
NEEDS_NO_KERNEL = ("chunks", "conversation", "errors", "guide")


class Release(NamedTuple):
    """What ``python -m build`` leaves: it builds the wheel from the sdist."""

    sdist: Path
    wheel: Path

    @classmethod
    def of(cls, source: Path, folder: Path) -> Release:
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source))
        assert len(list(folder.iterdir())) == 2
        return cls(folder / f"{NAME}.tar.gz", folder / f"{NAME}-py3-none-any.whl")

    def in_sdist(self) -> set[str]:
        with tarfile.open(self.sdist) as archive:
            return {member.name.removeprefix(f"{NAME}/") for member in archive.getmembers() if member.isfile()}

    def in_wheel(self) -> set[str]:
        with ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    def read(self, name: str) -> bytes:
        with ZipFile(self.wheel) as archive:
            return archive.read(name)

    def metadata(self) -> Message:
        return message_from_bytes(self.read(f"{NAME}.dist-info/METADATA"))

    def digests(self) -> list[str]:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in self]


def run(*command: str, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_under(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return Release.of(ROOT, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def unpacked(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist alone, in a folder of its own."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(release.sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / NAME


@pytest.fixture(scope="module")
def python(release: Release, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of a new environment with the wheel in it.

    What else it imports is on the path last, and without the links of an editable install: ``.pth`` files there are
    not read.
    """
    folder = tmp_path_factory.mktemp("new") / "env"
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(release.wheel))
    here = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    paths = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    Path(here, "others.pth").write_text("\n".join(sorted(paths)))
    return python


def test_the_wheel_is_the_package_with_its_licence_and_nothing_else(release: Release) -> None:
    package = {name for name in release.in_wheel() if name.startswith("ava_magic/")}
    assert package == {f"ava_magic/{name}" for name in files_under(ROOT / "ava_magic")}
    about = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    assert release.in_wheel() - package == {f"{NAME}.dist-info/{name}" for name in about}
    assert "ava_magic/py.typed" in package
    assert len({name for name in package if name.startswith("ava_magic/docs/")}) > 10


def test_the_sdist_has_what_its_tests_and_its_readers_need(release: Release) -> None:
    files = release.in_sdist()
    for folder in ("ava_magic", "tests", "examples"):
        assert {name for name in files if name.startswith(f"{folder}/")} >= {
            f"{folder}/{name}" for name in files_under(ROOT / folder) if not name.startswith(".")
        }
    assert files >= {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "pyproject.toml", ".ci/run"}
    assert ".github/workflows/ci.yml" in files
    assert files >= {"tests/vectors/sse_vectors.json", "tests/vectors/README.md"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_the_sdist_is_the_tree_that_git_sees(release: Release) -> None:
    known = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    assert release.in_sdist() == {"PKG-INFO", *(name for name in known if (ROOT / name).exists())}


def test_the_sdist_builds_itself_again_to_the_byte(release: Release, unpacked: Path, tmp_path: Path) -> None:
    """Elsewhere, at another time, with other times on the files."""
    for number, path in enumerate(sorted(unpacked.rglob("*"))):
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    assert Release.of(unpacked, tmp_path).digests() == release.digests()


def test_the_version_is_one(release: Release) -> None:
    version = release.metadata()["Version"]
    assert version == ava_magic.__version__
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dynamic"] == ["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"(?m)^## (.*)$", changelog)
    assert re.fullmatch(rf"{re.escape(version)} \((\d{{4}}-\d\d-\d\d|not yet released)\)", headings[0])
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading) for heading in headings[1:])


def test_the_metadata_tell_all_that_an_index_shows(release: Release) -> None:
    metadata = release.metadata()
    assert metadata["Name"] == "ava-magic"
    assert metadata["Summary"]
    assert metadata["Author"] == "The ava_magic contributors"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == ">=3.11"
    assert {"test", "dask"} <= set(metadata.get_all("Provides-Extra", []))
    classifiers = metadata.get_all("Classifier", [])
    assert {"Framework :: IPython", "Framework :: Jupyter", "Typing :: Typed"} <= set(classifiers)
    assert not [line for line in classifiers if line.startswith("License ::")]  # the expression stands in their place
    assert str(metadata.get_payload()).strip() == (ROOT / "README.md").read_text("utf-8").strip()


def test_the_wheel_answers_in_a_new_environment(python: str, tmp_path: Path) -> None:
    program = """
import asyncio, json, ava_magic
from ava_magic import Chat
reply = asyncio.run(Chat("guide").ask("how do I stop a reply?", options={"pace": 0}))
print(json.dumps([ava_magic.__file__, ava_magic.__version__, reply.provider, reply.text]))
"""
    home, version, provider, text = json.loads(run(python, "-c", program, cwd=tmp_path))
    assert Path(home).is_relative_to(Path(python).parents[1])
    assert (version, provider) == (ava_magic.__version__, "guide")
    assert text.startswith("## Stop or interrupt a reply")


def test_the_tests_of_the_sdist_pass_on_the_wheel(python: str, unpacked: Path, tmp_path: Path) -> None:
    """Those that need no kernel; ``.ci/run`` runs them all in the unpacked sdist."""
    folder = shutil.copytree(unpacked, tmp_path / "sdist", ignore=shutil.ignore_patterns("ava_magic"))
    names = [f"tests/test_{name}.py" for name in NEEDS_NO_KERNEL]
    told = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names, cwd=folder)
    assert re.search(r"\d{3,} passed", told)


@pytest.mark.parametrize("checker", [("mypy", "--strict"), ("basedpyright",)], ids=lambda checker: checker[0])
def test_a_users_project_type_checks_on_the_wheel(checker: tuple[str, ...], python: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(checker[0]) is None:
        pytest.skip("the extra lint is not installed")
    shutil.copy(USERS_PROJECT, tmp_path / "project.py")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "enableTypeIgnoreComments": true}')
    option = "--python-executable" if checker[0] == "mypy" else "--pythonpath"
    run(sys.executable, "-m", *checker, option, python, ".", cwd=tmp_path)


@pytest.fixture
def jobs() -> dict[str, Any]:
    return dict(yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"])


def test_the_workflow_runs_the_one_command_and_every_row_of_the_matrix(jobs: dict[str, Any]) -> None:
    assert ".ci/run" in [step.get("run") for step in jobs["gate"]["steps"]]
    assert jobs["matrix"]["strategy"]["matrix"]["row"] == list(ROWS)


def test_only_a_tag_that_passed_everything_is_published_and_nothing_else_may_write(jobs: dict[str, Any]) -> None:
    assert yaml.safe_load(WORKFLOW.read_text("utf-8"))["permissions"] == {"contents": "read"}
    allowed = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    assert allowed == {"publish": {"id-token": "write"}}
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["needs"] == "build"
    assert jobs["build"]["needs"] == ["gate", "matrix"]
    assert jobs["build"]["if"] == "startsWith(github.ref, 'refs/tags/v')"


def test_every_action_is_pinned_to_a_commit_whose_version_is_told() -> None:
    used = re.findall(r"(?m)uses: (.*)$", WORKFLOW.read_text("utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
