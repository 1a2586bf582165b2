"""How much longer one call may take, its waits included."""

import time
from collections.abc import Callable


class Patience:
    """A call's allowance in seconds. Waits go through `sleep`, so that tests need not wait."""

    def __init__(
        self,
        seconds: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._sleep = sleep
        self._clock = clock
        self._began = clock()
        self._slept = 0.0

    @property
    def left(self) -> float:
        """Seconds that remain; what was slept counts even where `sleep` is not real."""
        return self._seconds - max(self._slept, self._clock() - self._began)

    def pause(self, seconds: float) -> None:
        """Wait."""
        self._slept += seconds
        self._sleep(seconds)
