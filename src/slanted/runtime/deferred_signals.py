"""Signals: SIGINT and SIGTERM are deferred in training until a checkpoint is written; none that was lost stays lost."""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)

SECONDS_BEFORE_REPEATING = 0.01


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
def repeated_signals(raised: Mapping[type[BaseException], int]) -> Iterator[None]:
    """Repeat a signal whose handler raised an exception where Python discards exceptions, within a `with` block.

    A handler runs wherever the main thread is. In a callback of the garbage collector, as JAX has one, in a `__del__`
    method or in a callback of a weak reference Python prints the exception and goes on, as if no signal had come.

    Args:
        raised: The exceptions that the handlers raise, and the number of the signal of each.
    """
    before = sys.unraisablehook

    def repeat(unraisable: Any) -> None:
        number = raised.get(unraisable.exc_type)
        if number is None:
            before(unraisable)
        else:
            _thread.start_new_thread(_send_again, (number,))

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = before


def _send_again(number: int) -> None:
    """Send a signal to the main thread, once it has left the callback."""
    time.sleep(SECONDS_BEFORE_REPEATING)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))
