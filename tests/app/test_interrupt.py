"""Ctrl-C that waits."""

import signal
from collections.abc import Iterator

import pytest

from maskwatch.app.interrupt import HeldStack, Interrupts


@pytest.fixture(autouse=True)
def plain_handler() -> Iterator[None]:
    """Python's own, whatever the tests were started with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_outside_of_a_held_part_it_raises_at_once() -> None:
    done = []
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        with interrupts.held():
            done.append("held")
        press()
        done.append("after")
    assert done == ["held"]


def test_a_held_part_ends_first() -> None:
    done = []
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        with interrupts.held():
            press()
            done.append("written")
        done.append("after")
    assert done == ["written"]


def test_a_second_one_does_not_wait() -> None:
    done = []
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.held():
        press()
        done.append("first survived")
        press()
        done.append("second survived")
    assert done == ["first survived"]


def test_an_error_of_a_held_part_does_not_hide_it() -> None:
    caught = pytest.raises(KeyboardInterrupt)
    with Interrupts() as interrupts, caught as info, interrupts.held():
        press()
        raise ValueError("disk full")
    assert isinstance(info.value.__cause__, ValueError)


def test_without_one_an_error_stays_itself() -> None:
    with Interrupts() as interrupts, pytest.raises(ValueError, match="full"), interrupts.held():
        raise ValueError("full")


def test_files_are_finished_first() -> None:
    done = []

    def finish() -> None:
        press()
        done.append("finished")

    raised = pytest.raises(KeyboardInterrupt)
    with Interrupts() as interrupts, raised, HeldStack(interrupts) as stack:
        stack.callback(finish)
    assert done == ["finished"]


def test_who_ignores_it_keeps_that() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts():
        press()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_afterwards_the_handler_is_the_one_before() -> None:
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
