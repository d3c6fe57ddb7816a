"""Ctrl-C and SIGTERM during training: they wait until the step is done and its state is kept."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class HeldSignals:
    """Signals that wait to be delivered to whoever handled them before.

    Attributes:
        hold: Whether the first signal waits; until it is set, and after the first, they come through at once.
        pending: The signal that waits, or None.
    """

    def __init__(self) -> None:
        self.hold = False
        self.pending: int | None = None
        self._before: dict[int, Any] = {}

    def deliver(self) -> None:
        """Let the signal that waits come through; does not return where its handler raises, as Python's own does."""
        if self.pending is not None:
            self._let_through(self.pending, None)

    def _take_over(self) -> None:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in _NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._handle) for number in heard}

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.hold and self.pending is None:
            self.pending = number
        else:
            self._let_through(number, frame)

    def _let_through(self, number: int, frame: FrameType | None) -> None:
        handler = self._before.get(number)
        self._give_back()
        if callable(handler):
            handler(number, frame)
        else:
            signal.raise_signal(number)


@contextmanager
def held_signals(wanted: bool = True) -> Iterator[HeldSignals]:
    """Have SIGINT and SIGTERM wait while `hold` is set, if that is wanted; only the main thread can."""
    held = HeldSignals()
    if wanted:
        held._take_over()
    try:
        yield held
    finally:
        held._give_back()
