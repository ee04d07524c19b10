"""Which module may know which: the pure core stays pure, and loading stays cheap."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ava_magic

ROOT = Path(ava_magic.__file__).parent
SCREENS_AND_SOCKETS = {"IPython", "aiohttp", "ipywidgets", "rich", "traitlets", "ipykernel", "comm", "nest_asyncio"}


def file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")) if module else ROOT
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def modules() -> list[str]:
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py"))
    return sorted(name.removesuffix("__init__").removesuffix(".") for name in names)


PURE_PACKAGES = {"answers", "conversation", "error_report", "markdown", "prompt", "values"}
EDGES = {  # what those packages do with a shell, a file that runs or a turn
    *("answers.next_cell", "conversation.chats", "conversation.kept", "error_report.last", "prompt.preview"),
    "values.displays",
}
PURE = {module for module in modules() if module.split(".")[0] in PURE_PACKAGES} - EDGES | {
    *(
        "arguments",
        "atomic",
        "chat_completions",
        "connection",
        "controls",
        "environment",
        "errors",
        "halves",
        "options",
        "reasoning",
        "reply",
        "sse",
        "syntax",
    ),
    *("cassette", "cassette.entry", "cassette.nearest", "completion.words"),
    *("many.items", "many.progress", "many.replies", "many.results", "many.template", "many.throttle"),
    *("providers.base", "providers.chunks", "providers.endpoint", "providers.message", "providers.shape"),
}


def imported_by(module: str, nodes: Iterator[ast.AST]) -> set[str]:
    """What import statements among ``nodes`` ask for: names from the top, ours as ``ava_magic.sse``."""
    package = ["ava_magic", *module.split(".")] if module else ["ava_magic"]
    if file_of(module).name != "__init__.py":
        package.pop()
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{source}.{alias.name}" for alias in node.names}
    return found


def own_modules(names: set[str]) -> set[str]:
    """Those of our modules that ``names`` stand for, or are in."""
    known = set(modules())
    found = set()
    for name in names:
        top, _, rest = name.partition(".")
        if top == "ava_magic":
            found.add(rest if rest in known else rest.rpartition(".")[0])
    return found


def at_module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function's body, nothing that is for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from at_module_level(node)


def parsed(module: str) -> ast.Module:
    return ast.parse(file_of(module).read_text("utf-8"))


def run(code: str) -> list[str]:
    """The top-level modules that ``code`` loads in a Python of its own."""
    program = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_the_pure_modules_are_all_there() -> None:
    assert set(modules()) >= PURE | EDGES


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_imports_no_screen_and_no_socket(module: str) -> None:
    everywhere = imported_by(module, ast.walk(parsed(module)))
    assert not {name.split(".")[0] for name in everywhere} & SCREENS_AND_SOCKETS


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_imports_of_ours_only_pure_ones(module: str) -> None:
    assert own_modules(imported_by(module, ast.walk(parsed(module)))) <= PURE


def test_modules_do_not_import_one_another_in_a_circle() -> None:
    graph = {module: own_modules(imported_by(module, at_module_level(parsed(module)))) for module in modules()}
    assert {"errors", "connection"} <= graph["chat"]  # the imports are found, then
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_pure_modules_load_no_screen_and_no_socket() -> None:
    loaded = run("\n".join(f"import ava_magic.{module}" for module in sorted(PURE)))
    assert "ava_magic" in loaded
    assert not SCREENS_AND_SOCKETS & set(loaded)


def test_loading_the_extension_is_cheap() -> None:
    loaded = run("import ava_magic\nfrom ava_magic.extension import load")
    assert "IPython" in loaded
    assert not {"aiohttp", "ipywidgets", "rich"} & set(loaded)


def test_a_script_that_asks_loads_no_notebook() -> None:
    loaded = run("import ava_magic\nava_magic.Chat, ava_magic.Reply, ava_magic.AvaError, ava_magic.CodeLinkAva")
    assert not {"IPython", "ipywidgets", "rich", "traitlets"} & set(loaded)


def test_the_map_of_the_house_shows_every_module_and_every_package() -> None:
    here = {path.stem for path in ROOT.glob("*.py")} | {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}
    table = (ROOT / "docs" / "inside.md").read_text("utf-8").partition("## The map")[2].partition("\n## ")[0]
    shown = [name for names in re.findall(r"(?m)^\| (`.*?) \|", table) for name in re.findall(r"`([\w/]+)`", names)]
    assert sorted(shown) == sorted(name for name in here if not name.startswith("_"))


@pytest.mark.parametrize("name", ava_magic.__all__)
def test_a_public_name_is_there_and_listed(name: str) -> None:
    value = getattr(ava_magic, name)
    assert name in dir(ava_magic)
    if isinstance(value, type):
        assert value.__name__ == name
        assert value.__module__.startswith("ava_magic.")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
        ava_magic.nowhere  # type: ignore[attr-defined]  # noqa: B018  # that it raises is all
