"""Signals: they end a start, and wake who waits afterwards; libraries' handlers come back."""

from __future__ import annotations

import signal

import pytest

from serving.runtime.leaving import SIGNALS, Leaving, departure, reinstall


@pytest.mark.parametrize("number", SIGNALS)
def test_during_the_start_a_signal_ends_it(number: signal.Signals) -> None:
    """It is no Exception, so no handler of errors can swallow it."""
    with departure() as leave:
        with pytest.raises(Leaving):
            signal.raise_signal(number)
        assert leave.asked
    assert not issubclass(Leaving, Exception)


def test_a_signal_that_python_drops_is_raised_again(capfd: pytest.CaptureFixture[str]) -> None:
    """In a finaliser an exception goes nowhere: nothing is printed about it, and the next check raises it."""

    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    with departure() as leave:
        leave.check()
        Finalised()
        with pytest.raises(Leaving):
            leave.check()
    assert "Leaving" not in capfd.readouterr().err


def test_a_second_signal_while_the_start_is_undone_is_ignored() -> None:
    """Otherwise an impatient Ctrl-C would leave half of it behind."""
    with departure():
        with pytest.raises(Leaving):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", SIGNALS)
def test_once_steady_a_signal_only_wakes(number: signal.Signals) -> None:
    """The main thread leaves in order."""
    with departure() as leave:
        leave.steady()
        assert not leave.wait(0.0)
        signal.raise_signal(number)
        assert leave.wait(0.0)


def test_the_program_may_ask_too() -> None:
    """`demo --once` does."""
    with departure() as leave:
        leave.steady()
        leave.ask()
        assert leave.wait(0.0)


def test_handlers_are_put_back() -> None:
    """And ours can be installed again after a library has taken them."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with departure() as leave:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        reinstall(leave)
        leave.steady()
        signal.raise_signal(signal.SIGTERM)
        assert leave.asked
    assert [signal.getsignal(number) for number in SIGNALS] == before
