"""Progress of downloads: a bar where somebody watches, a line now and then where nobody does."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn


class Downloads:
    """Told of each download's progress from whichever thread; shows itself only while there is one."""

    def __init__(self, console: Console, say: Callable[[str], None]) -> None:
        self._console = console
        self._say = say
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, int] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        """Take note that `done` bytes of `total` are there."""
        if self._console.is_terminal:
            self._draw(name, done, total)
        else:
            self._say_quarters(name, done, total)

    def _draw(self, name: str, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name, total=total)
        self._bar.update(self._tasks[name], completed=done)
        if self._bar.finished:
            self._bar.stop()
            self._bar = None
            self._tasks = {}

    def _say_quarters(self, name: str, done: int, total: int) -> None:
        quarter = 4 * done // total if total else 4
        if quarter > self._said.get(name, -1):
            self._said[name] = quarter
            self._say(f"{name}: {25 * quarter} % of {total / 1e6:.0f} MB")
