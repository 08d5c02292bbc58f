"""Something that is looked at again and again, in a thread of its own, while a block runs."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Polled(ABC):
    """Calls ``look`` every *every_s* seconds from ``with`` to its end."""

    def __init__(self, every_s: float) -> None:
        self._every_s, self._end = every_s, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    def look(self) -> None:
        """Look once."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            self.look()
