"""Which queues this process keeps: those whose leases it holds, one keeper a queue, whatever processes die."""

import logging
import threading
from collections.abc import Callable

from penstock.controller.keeper import Keeper
from penstock.domain.engine import EngineUnavailable
from penstock.domain.queue import DEFAULT, Holder, Queue
from penstock.store import queues
from penstock.store.database import Database

log = logging.getLogger(__name__)

LEASE_MS = 15_000
"""How long a queue stays without a keeper after the process that kept it has died."""
_RENEW_MS = 5_000
_TICK_S = 1.0


class Controller:
    """Takes the leases that are free, and keeps the queues as long as it holds them.

    `holder` names this process among all on the database, and the one in its place after a restart: what that
    one held is taken over at once.
    """

    def __init__(
        self, database: Database, holder: Holder, keep: Callable[[Queue], Keeper], now_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._holder = holder
        self._keep = keep
        self._now_ms = now_ms
        self._keepers: dict[int, Keeper] = {}
        self._renewed_at: dict[int, int] = {}
        self._ending: dict[int, threading.Thread] = {}
        """What ends the keepers of queues that are not kept any more; it takes a while."""
        self._default_id: int | None = None
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        self.make_round()
        self._thread.start()

    def stop(self, *, end_clusters: bool) -> None:
        """Give back what is held; the clusters and their jobs go on unless they are to end too."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()
        for queue_id in tuple(self._keepers):
            self._give_up(queue_id, end_cluster=end_clusters)
        for thread in self._ending.values():
            thread.join()

    def wake(self) -> None:
        """Say that a call has changed something."""
        self._woken.set()
        for keeper in tuple(self._keepers.values()):
            keeper.wake()

    def readiness(self) -> str | None:
        """Say why the default queue cannot run jobs; None when it can."""
        keeper = self._keepers.get(self._default_id) if self._default_id else None
        if keeper is not None:
            return keeper.readiness()
        with self._database.read() as tx:
            queue = queues.find(tx, "", DEFAULT)
            kept = queues.keeping(tx, queue.id).until > self._now_ms()
        return queue.not_ready if kept else "no process keeps the queue"

    def keeper(self, project_id: str, name: str) -> Keeper:
        """Give who keeps a queue.

        Raises `NotFound`, or `EngineUnavailable` for one that another process keeps.
        """
        with self._database.read() as tx:
            queue = queues.find(tx, project_id, name)
        keeper = self._keepers.get(queue.id)
        if keeper is None:
            raise EngineUnavailable(f"queue {name!r} is kept by another process of the service; ask that one")
        return keeper

    def make_round(self) -> None:
        """See to every queue once."""
        with self._database.read() as tx:
            there = {queue.id: queue for queue in queues.all_of_service(tx)}
        self._ending = {queue_id: thread for queue_id, thread in self._ending.items() if thread.is_alive()}
        for queue in there.values():
            try:
                self._see_to(queue)
            except Exception:  # one queue must not cost the others their leases
                log.exception("queue %d could not be seen to; trying again", queue.id)
        for queue_id in self._keepers.keys() - there.keys():
            log.info("queue %d was deleted", queue_id)
            self._give_up(queue_id, end_cluster=True)

    def _run(self) -> None:
        while not self._stopping:
            self._woken.wait(_TICK_S)
            self._woken.clear()
            try:
                if not self._stopping:
                    self.make_round()
            except Exception:  # the database may be away for a while
                log.exception("the leases could not be renewed; trying again")

    def _see_to(self, queue: Queue) -> None:
        if queue.project_id is None and queue.name == DEFAULT:
            self._default_id = queue.id
        if queue.id in self._ending:
            return
        if self._holds(queue):
            self._look_after(queue)
        elif queue.id in self._keepers and self._exists(queue):
            log.warning("queue %d is kept by another process now", queue.id)
            self._give_up(queue.id, end_cluster=False)

    def _exists(self, queue: Queue) -> bool:
        """Say whether a queue whose lease was refused is there; if not, the next round ends its cluster too."""
        with self._database.read() as tx:
            return queue.id in {each.id for each in queues.all_of_service(tx)}

    def _give_up(self, queue_id: int, *, end_cluster: bool) -> None:
        """Stop keeping a queue, on another thread: that takes a while, and the other leases must be renewed."""
        keeper = self._keepers.pop(queue_id)

        def end() -> None:
            try:
                keeper.stop(end_cluster=end_cluster)
                with self._database.write() as tx:
                    queues.drop_lease(tx, queue_id, self._holder)
            except Exception:
                log.exception("queue %d could not be given back", queue_id)

        self._ending[queue_id] = threading.Thread(target=end, name=f"end-{queue_id}", daemon=True)
        self._ending[queue_id].start()

    def _holds(self, queue: Queue) -> bool:
        now = self._now_ms()
        if queue.id in self._keepers and now - self._renewed_at[queue.id] < _RENEW_MS:
            return True
        with self._database.write() as tx:
            taken = queues.take_lease(tx, queue.id, self._holder, now, now + LEASE_MS)
        if taken:
            self._renewed_at[queue.id] = now
        return taken

    def _look_after(self, queue: Queue) -> None:
        keeper = self._keepers.get(queue.id)
        if keeper is None:
            keeper = self._keep(queue)
            keeper.start()
            self._keepers[queue.id] = keeper
        keeper.update(queue)
        not_ready = keeper.readiness()
        if not_ready != queue.not_ready:
            with self._database.write() as tx:
                queues.tell_readiness(tx, queue.id, not_ready)
