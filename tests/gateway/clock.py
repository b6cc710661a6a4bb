"""A clock that the test moves, and a sleep that moves it."""


class Clock:
    """Seconds since some moment. `naps` are the times slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds
