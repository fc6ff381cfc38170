"""Threads for the acts. They end with the process: an act that is cut off is as safe as one that crashed."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[], None]


class Workers:
    """A few threads that do tasks in the order they come. A task must catch what it raises."""

    def __init__(self, count: int) -> None:
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        for number in range(count):
            # Daemons: one may wait two minutes for Flink, and the end of the service must not wait with it.
            threading.Thread(target=self._work, name=f"act-{number}", daemon=True).start()

    def do(self, task: Task) -> None:
        """Do the task as soon as a thread is free."""
        self._tasks.put(task)

    def _work(self) -> None:
        while True:
            self._tasks.get()()
