"""Signals: SIGINT and SIGTERM are deferred in training until a checkpoint is written; none that was lost stays lost."""

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)

SECONDS_BEFORE_REPEATING = 0.1


class DeferredSignals:
    """Signals that are deferred within a `with` block, then delivered to their original handlers.

    Only in the main thread are signals deferred; those that the process ignores are not.

    Attributes:
        deferring: Whether the first signal is deferred. While this is False, and after the first signal, signals are
            delivered at once.
        pending: The number of the deferred signal, or None.
    """

    def __init__(self) -> None:
        self.deferring = False
        self.pending: int | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "DeferredSignals":
        if threading.current_thread() is threading.main_thread():
            handled = [number for number in _NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
            self._handlers = {number: signal.signal(number, self._handle) for number in handled}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def deliver(self) -> None:
        """Deliver the pending signal, if any; its handler may raise, as Python's default handler of SIGINT does."""
        if self.pending is not None:
            self._deliver(self.pending, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.deferring and self.pending is None:
            self.pending = number
        else:
            self._deliver(number, frame)

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers.get(number)
        self.__exit__()
        if callable(handler):
            handler(number, frame)
        else:
            signal.raise_signal(number)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Deliver a first signal of a `with` block at its end, for what must not be interrupted; a second comes at once."""
    with DeferredSignals() as signals:
        signals.deferring = True
        yield
        signals.deliver()


@contextmanager
def repeated_signals() -> Iterator[None]:
    """Repeat SIGINT and SIGTERM, within a `with` block, until the exception that their handler raises is handled.

    A handler runs wherever the main thread is. Where that is a callback of the garbage collector, as JAX has one, a
    `__del__` method or a callback of a weak reference, Python prints the exception and goes on. Where it is a call in
    a `try` with a bare `except`, as Keras makes to find the shape of an output, the exception is taken for a failure
    of that call. Either way the program would go on as if no signal had come.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    raised: list[BaseException] = []
    left = threading.Event()
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in _NUMBERS}
    before = sys.unraisablehook

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handlers[number](number, frame)
        except BaseException as error:
            raised.append(error)
            _thread.start_new_thread(_repeat_unless_handled, (number, error, left))
            raise

    def print_others(unraisable: Any) -> None:
        if not any(unraisable.exc_value is error for error in raised):
            before(unraisable)

    sys.unraisablehook = print_others
    for number in [number for number, handler in handlers.items() if callable(handler)]:
        signal.signal(number, handle)
    try:
        yield
    finally:
        left.set()
        sys.unraisablehook = before
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _repeat_unless_handled(number: int, error: BaseException, left: threading.Event) -> None:
    """Send a signal to the main thread again once it is not handling the exception of the first, twice in a row."""
    unhandled = 0
    while unhandled < 2:
        if left.wait(SECONDS_BEFORE_REPEATING):
            return
        unhandled = 0 if _is_handled(error) else unhandled + 1
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _is_handled(error: BaseException) -> bool:
    """Return whether the main thread is in an `except` or `finally` clause because of an exception."""
    handled: Any = sys._current_exceptions().get(threading.main_thread().ident or 0)
    if isinstance(handled, tuple):  # before Python 3.12
        handled = handled[1]
    while handled is not None and handled is not error:
        handled = handled.__cause__ or handled.__context__
    return handled is error
