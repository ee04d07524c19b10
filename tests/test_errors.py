"""What goes wrong, in one line each."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import get_args

import pytest

from ava_magic import AvaError, Reply, errors
from ava_magic.errors import Kind, NotRecorded, Stopped, StoppedTask, raise_alone

KINDS: tuple[Kind, ...] = get_args(Kind)


def test_the_kinds_are_these() -> None:
    assert set(KINDS) == {
        *("auth", "rate_limit", "bad_request", "server", "api", "protocol"),
        *("truncated", "timeout", "connection", "too_large", "config"),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_explained(kind: Kind) -> None:
    assert f"\n``{kind}``" in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("ask again", "ask again"),
        ("it said:\n  no\r\n\tand no", "it said: no and no"),
        ("\x1b[2Jgone \u202eflipped", "\u241b[2Jgone \u27e8U+202E\u27e9flipped"),
        ("x" * 700, "x" * 599 + "\u2026"),
        ("", ""),
    ],
)
def test_an_error_is_one_visible_line(message: str, line: str) -> None:
    error = AvaError(message, "api")
    assert str(error) == line
    assert repr(error) == f"AvaError({line!r}, kind='api')"
    assert error._render_traceback_() == [f"AvaError (api): {line}"]


def test_an_error_holds_what_had_arrived() -> None:
    assert AvaError("cut", "truncated").reply is None
    assert AvaError("cut", "truncated", Reply("so far")).reply == Reply("so far")


@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_the_way_to_another_process(kind: Kind, copied: Callable[[AvaError], AvaError]) -> None:
    error = AvaError("cut\noff", kind)
    error.reply = Reply("so far")
    again = copied(error)
    assert type(again) is AvaError
    assert (str(again), again.kind, again.reply) == ("cut off", kind, Reply("so far"))


def test_an_error_is_caught_as_any_exception_is() -> None:
    assert issubclass(AvaError, Exception)
    assert not issubclass(AvaError, KeyboardInterrupt)


def test_a_stopped_reply_ends_its_cell_as_an_interrupt_does() -> None:
    assert issubclass(Stopped, KeyboardInterrupt)
    assert not issubclass(Stopped, Exception)
    assert Stopped.__name__ == "KeyboardInterrupt"  # by which front ends tell it from a failure


@pytest.mark.parametrize("kind", [Stopped, StoppedTask])
def test_a_stop_is_one_line_and_no_traceback(kind: type[Stopped | StoppedTask]) -> None:
    assert kind("the reply was stopped")._render_traceback_() == ["Stopped: the reply was stopped"]


def test_a_stop_holds_what_had_arrived() -> None:
    stopped = Stopped("the reply was stopped", Reply("so far"))
    assert stopped.reply == Reply("so far")
    assert Stopped("the reply was stopped").reply is None


def test_a_stop_survives_the_way_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(Stopped("the reply was stopped", Reply("so far"))))
    assert type(again) is Stopped
    assert (str(again), again.reply) == ("the reply was stopped", Reply("so far"))


def test_better_advice_takes_the_place_of_the_first_and_of_nothing_else() -> None:
    error = AvaError("it said: no; and no", "bad_request")
    error.advise("ask again")
    error = pickle.loads(pickle.dumps(error))
    error.advise("ask less")
    assert str(error) == "it said: no; and no; ask less"
    assert error.kind == "bad_request"


@pytest.mark.parametrize("copied", [lambda error: error, lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_a_request_that_is_not_recorded_tells_the_difference_in_lines_of_its_own(
    copied: Callable[[NotRecorded], NotRecorded],
) -> None:
    error = copied(NotRecorded("not in\nthe cassette", ["- hi", "+ hello"]))
    assert str(error).split("\n") == ["not in the cassette", "- hi", "+ hello"]
    assert (error.kind, error.difference) == ("config", ("- hi", "+ hello"))
    assert NotRecorded("it is empty").difference == ()


def fail_while_another_is_handled() -> None:
    try:
        int("with all its frames")
    except ValueError:
        raise_alone(AvaError("cut", "truncated"))


def test_an_error_that_is_raised_alone_brings_nothing_of_what_was_being_handled() -> None:
    with pytest.raises(AvaError) as caught:
        fail_while_another_is_handled()
    assert caught.value.__context__ is None
