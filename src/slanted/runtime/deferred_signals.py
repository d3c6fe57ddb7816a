"""Defer SIGINT and SIGTERM during training until the current step is finished and a checkpoint is written."""

import signal
import threading
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


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
