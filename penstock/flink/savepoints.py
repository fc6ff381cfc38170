"""What became of savepoints that were asked for: what Flink says, or what lies at their targets."""

import time
from collections.abc import Callable, Collection

from penstock.domain.engine import SavepointFailed, SavepointRunning, SavepointState, SavepointWritten, Watched
from penstock.domain.errors import Invalid
from penstock.domain.job import SavepointRequest
from penstock.flink import failures
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.rest import FlinkRest, RestError

PATIENCE_S = 30.0
"""How long Flink may not say what became of an ended run's savepoint that is not to be found."""


class Savepoints:
    """Follows the savepoints of the watched runs. For one thread at a time."""

    def __init__(self, rest: FlinkRest, buckets: Buckets, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._buckets = buckets
        self._monotonic = monotonic
        self._known: dict[str, SavepointState] = {}
        """By trigger id, as of the last look."""
        self._waited_for_since: dict[str, float] = {}
        """By trigger id, those of ended runs."""

    def observe(self, watched: Collection[Watched], ended: Collection[str]) -> dict[str, SavepointState]:
        """Return by run what became of the savepoints, where that is known; raises `RestUnavailable`."""
        asked = {each.run_id: each.savepoint_request for each in watched if each.savepoint_request}
        triggers = {request.trigger_id for request in asked.values()}
        self._waited_for_since = {key: at for key, at in self._waited_for_since.items() if key in triggers}
        seen: dict[str, SavepointState] = {}
        for run_id, request in asked.items():
            state = self._state(run_id, request, run_id in ended)
            if state is not None:
                seen[run_id] = state
        self._known = {asked[run_id].trigger_id: state for run_id, state in seen.items()}
        return seen

    def _state(self, run_id: str, request: SavepointRequest, has_ended: bool) -> SavepointState | None:
        """Trust what lies at the target where Flink does not know, fails to say, or is behind."""
        try:
            state: SavepointState | None = self._told(run_id, request.trigger_id)
        except RestError as error:
            known = self._known.get(request.trigger_id, SavepointRunning())
            state = self._written(run_id, request, has_ended) or (None if error.status == 404 else known)
        if not (has_ended and isinstance(state, SavepointRunning)):
            return state
        return self._written(run_id, request, has_ended) or self._waited_for(request.trigger_id)

    def _told(self, run_id: str, trigger_id: str) -> SavepointState:
        operation = self._rest.savepoint(run_id, trigger_id)
        if operation.failure is not None:
            return SavepointFailed(failures.root_cause(self._buckets.scrub(operation.failure)))
        place = self._buckets.address(operation.location) if operation.location else None
        return SavepointWritten(place) if place else SavepointRunning()

    def _written(self, run_id: str, request: SavepointRequest, has_ended: bool) -> SavepointState | None:
        """Look at the target; what an ended run has left must not count as lost because it cannot be read."""
        try:
            place = self._buckets.savepoint_of(request.target, run_id, request.requested_at)
        except Invalid:  # no savepoint can lie there
            return None
        except BucketFailure:
            return SavepointRunning() if has_ended else None
        return SavepointWritten(place) if place else None

    def _waited_for(self, trigger_id: str) -> SavepointRunning | None:
        since = self._waited_for_since.setdefault(trigger_id, self._monotonic())
        return SavepointRunning() if self._monotonic() - since < PATIENCE_S else None
