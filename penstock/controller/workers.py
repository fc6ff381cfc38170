"""Threads for the acts. They end with the process: an act that is cut off is as safe as one that crashed."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[], None]


class Workers:
    """A few threads that do tasks in the order they come. A task must catch what it raises."""

    def __init__(self, count: int) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._count = count
        for number in range(count):
            # Daemons: one may wait two minutes for Flink, and the end of the service must not wait with it.
            threading.Thread(target=self._work, name=f"act-{number}", daemon=True).start()

    def do(self, task: Task) -> None:
        """Do the task as soon as a thread is free."""
        self._tasks.put(task)

    def stop(self) -> None:
        """Let each thread end after what it has begun and what was given before; none is waited for."""
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
