"""StopRequest: ends a run on Ctrl-C, on a signal, or when its window is closed."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class StopRequest:
    """Ctrl-C, once: finish the block, save, stop. Twice: leave at once."""

    def __init__(self) -> None:
        self.reason = ""
        self.ignored = False
        """Whether signals are ignored: while the final status is written."""

    def request(self, reason: str) -> None:
        """Ask the loop to stop after this block; `reason` becomes the status."""
        self.reason = self.reason or reason

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Treat SIGINT and SIGTERM as requests to stop, if this thread may handle signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = [signal.SIGINT, signal.SIGTERM]
        before = {number: signal.signal(number, self._on_signal) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.ignored:
            return
        if self.reason:
            raise KeyboardInterrupt
        self.request("interrupted")
