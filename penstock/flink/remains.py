"""What a run has left in the buckets, for when Flink cannot be asked any more."""

import contextlib
from dataclasses import dataclass

from penstock.domain.engine import SavepointWritten, Watched
from penstock.domain.errors import Invalid
from penstock.flink.buckets import BucketFailure, Buckets


@dataclass(frozen=True)
class Remains:
    checkpoint: str | None = None
    """The newest complete one."""
    savepoint: SavepointWritten | None = None
    """The one that was asked for, if it is complete."""


def of(run: Watched, buckets: Buckets) -> Remains:
    """Find the state of a run; raises `BucketFailure`, as what cannot be read must not count as lost."""
    try:
        checkpoint = buckets.newest_checkpoint(run.checkpoints) if run.checkpoints else None
    except Invalid as error:  # a link that leads out of the bucket was put there since
        raise BucketFailure(str(error)) from error
    request = run.savepoint_request
    if request is None:
        return Remains(checkpoint)
    with contextlib.suppress(Invalid):  # no savepoint can lie there
        place = buckets.savepoint_of(request.target, run.run_id, request.requested_at)
        return Remains(checkpoint, SavepointWritten(place) if place else None)
    return Remains(checkpoint)
