"""What became of savepoints that were asked for: what Flink says, or what lies at their targets."""

import contextlib
from collections.abc import Collection

from penstock.domain.engine import SavepointFailed, SavepointRunning, SavepointState, SavepointWritten, Watched
from penstock.domain.errors import Invalid
from penstock.domain.job import SavepointRequest
from penstock.flink import failures
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.rest import FlinkRest, RestError


class Savepoints:
    """Follows the savepoints of the watched runs. For one thread at a time."""

    def __init__(self, rest: FlinkRest, buckets: Buckets) -> None:
        self._rest = rest
        self._buckets = buckets
        self._known: dict[str, SavepointState] = {}
        """By trigger id, as of the last look."""

    def observe(self, watched: Collection[Watched], ended: Collection[str]) -> dict[str, SavepointState]:
        """Return by run what became of the savepoints, where that is known; raises `RestUnavailable`."""
        seen: dict[str, SavepointState] = {}
        known: dict[str, SavepointState] = {}
        for run_id, request in ((each.run_id, each.savepoint_request) for each in watched):
            state = self._state(run_id, request, run_id in ended) if request else None
            if request and state:
                seen[run_id] = known[request.trigger_id] = state
        self._known = known
        return seen

    def _state(self, run_id: str, request: SavepointRequest, has_ended: bool) -> SavepointState | None:
        """Trust what lies at the target where Flink does not know, fails to say, or is behind."""
        try:
            state = self._told(run_id, request.trigger_id)
        except RestError as error:
            known = self._known.get(request.trigger_id, SavepointRunning())
            return self._written(run_id, request) or (None if error.status == 404 else known)
        is_behind = has_ended and isinstance(state, SavepointRunning)
        return (self._written(run_id, request) if is_behind else None) or state

    def _told(self, run_id: str, trigger_id: str) -> SavepointState:
        operation = self._rest.savepoint(run_id, trigger_id)
        if operation.failure is not None:
            return SavepointFailed(failures.root_cause(self._buckets.scrub(operation.failure)))
        place = self._buckets.address(operation.location) if operation.location else None
        return SavepointWritten(place) if place else SavepointRunning()

    def _written(self, run_id: str, request: SavepointRequest) -> SavepointWritten | None:
        with contextlib.suppress(Invalid, BucketFailure):  # then nothing can be told of what lies there
            place = self._buckets.savepoint_of(request.target, run_id, request.requested_at)
            return SavepointWritten(place) if place else None
        return None
