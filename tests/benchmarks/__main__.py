"""``python -m tests.benchmarks [--list] [--markdown] [--soak MINUTES] [name ...]``"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterable, Iterator

from .conversation import conversation
from .decode import decode, delta
from .each import each
from .first_delta import first_delta
from .growth import growth, soak
from .lateness import lateness
from .load import load
from .prompt import prompt
from .stop import stop
from .table import HEAD, MARKDOWN_HEAD, Row
from .throughput import throughput
from .traffic import traffic

BENCHMARKS: dict[str, Callable[[], Iterator[Row]]] = {
    benchmark.__name__: benchmark
    for benchmark in (
        decode,
        delta,
        load,
        first_delta,
        stop,
        traffic,
        lateness,
        prompt,
        throughput,
        conversation,
        growth,
        each,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="The promised figures, measured.")
    parser.add_argument("names", nargs="*", metavar="name", help="which to run; all, when none is named")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--markdown", action="store_true", help="print one table, as docs/performance.md has it")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help=f"measure {soak.__doc__}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if arguments.list:
        for name, benchmark in BENCHMARKS.items():
            print(f"{name:<13}{benchmark.__doc__}")
        return
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL"))]:
        del os.environ[name]  # the endpoints are our own
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors")
    show = _show_in_markdown if arguments.markdown else _show
    if arguments.markdown:
        print(f"\n{MARKDOWN_HEAD}", flush=True)
    for name in arguments.names or (() if arguments.soak else BENCHMARKS):
        show(name, BENCHMARKS[name].__doc__, BENCHMARKS[name]())
    if arguments.soak:
        show("soak", soak.__doc__, soak(arguments.soak))


def _show(name: str, what: str | None, rows: Iterable[Row]) -> None:
    print(f"\n{name}: {what}\n{HEAD}", flush=True)
    for row in rows:
        print(row, flush=True)


def _show_in_markdown(name: str, _what: str | None, rows: Iterable[Row]) -> None:
    for row in rows:
        print(row.in_markdown(name), flush=True)


if __name__ == "__main__":
    main()
