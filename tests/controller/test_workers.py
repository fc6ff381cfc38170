"""The threads that act."""

import subprocess
import sys
import threading

from penstock.controller.workers import Workers


def test_tasks_are_done_a_few_at_once_and_none_is_left_out() -> None:
    workers = Workers(2)
    together = threading.Barrier(2, timeout=10)
    done = threading.Semaphore(0)

    def meet() -> None:
        together.wait()
        done.release()

    for _ in range(6):
        workers.do(meet)
    assert all(done.acquire(timeout=10) for _ in range(6))


def test_a_task_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = (
        "import threading; from penstock.controller.workers import Workers\n"
        "begun = threading.Event()\n"
        "Workers(1).do(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait()"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0
