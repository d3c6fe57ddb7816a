"""SIGINT and SIGTERM: the first signal is deferred on request, the second is not; none is lost."""

import gc
import signal
import sys
import threading
import time

import pytest

from slanted.runtime.deferred_signals import (
    SECONDS_BEFORE_REPEATING,
    DeferredSignals,
    deferred_signals,
    repeated_signals,
)

pytestmark = pytest.mark.once


class Arrived(Exception):
    """What the handler that was there before raises."""


@pytest.fixture(autouse=True)
def handler():
    """Have both signals raise."""

    def raising(number, frame):
        raise Arrived(number)

    before = {number: signal.signal(number, raising) for number in (signal.SIGINT, signal.SIGTERM)}
    yield raising
    for number, old in before.items():
        signal.signal(number, old)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_it_is_delivered(number, handler):
    with DeferredSignals() as signals:
        signals.deliver()
        signals.deferring = True
        signal.raise_signal(number)
        assert signals.pending == number
        with pytest.raises(Arrived, match=str(int(number))):
            signals.deliver()
    assert signal.getsignal(number) is handler


def test_before_there_is_anything_to_keep_it_comes_through_at_once(handler):
    with pytest.raises(Arrived), DeferredSignals():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_second_comes_through_at_once():
    with DeferredSignals() as signals:
        signals.deferring = True
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Arrived):
            signal.raise_signal(signal.SIGINT)


def test_the_end_of_a_block_delivers_it():
    done = []
    with pytest.raises(Arrived), deferred_signals():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with DeferredSignals() as signals:
        signals.deferring = True
        signal.raise_signal(signal.SIGINT)
        assert signals.pending is None
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_leaves_signals_alone(handler):
    seen = []

    def defer():
        with DeferredSignals() as signals:
            seen.append((signal.getsignal(signal.SIGINT), signals.pending))

    thread = threading.Thread(target=defer)
    thread.start()
    thread.join()
    assert seen == [(handler, None)]


class Dying:
    """Is interrupted in its `__del__` method."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_is_repeated_where_python_discards_its_exception(monkeypatch):
    pressed, ignored = [], []

    def collecting(phase, info):
        if phase == "start" and not pressed:
            pressed.append(phase)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    gc.callbacks.append(collecting)
    try:
        with repeated_signals(), pytest.raises(Arrived, match="15"):
            gc.collect()
            time.sleep(30)
    finally:
        gc.callbacks.remove(collecting)
    assert pressed and not ignored
    with repeated_signals(), pytest.raises(Arrived, match="2"):
        Dying()
        time.sleep(30)
    assert sys.unraisablehook == ignored.append


def test_a_signal_is_repeated_where_a_bare_except_swallows_its_exception():
    tried = []
    with repeated_signals(), pytest.raises(Arrived, match="2"):
        try:
            signal.raise_signal(signal.SIGINT)
        except:  # noqa: E722
            tried.append(1)
        time.sleep(30)
    assert tried


def test_a_signal_is_not_repeated_while_its_exception_is_handled(handler):
    """It may take long to clean up; neither a `finally` clause nor an exception in it ends that."""
    cleaned = []
    with pytest.raises(Arrived), repeated_signals():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            time.sleep(6 * SECONDS_BEFORE_REPEATING)
            try:
                raise ValueError
            except ValueError:
                time.sleep(6 * SECONDS_BEFORE_REPEATING)
            cleaned.append(1)
    time.sleep(6 * SECONDS_BEFORE_REPEATING)
    assert cleaned and signal.getsignal(signal.SIGINT) is handler


def test_other_discarded_exceptions_are_reported_as_before(monkeypatch):
    class Failing:
        def __del__(self):
            raise ValueError

    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: ignored.append(unraisable.exc_type))
    with repeated_signals():
        Failing()
    assert ignored == [ValueError]
