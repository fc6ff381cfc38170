"""What an operator's tools ask: alive, ready, metrics. Open to everybody, and free of what users typed."""

import msgspec

from penstock.domain.job import Status
from penstock.server.operation import Answer, Context, Reply, open_operation
from penstock.store import jobs as stored
from penstock.telemetry import CONTENT_TYPE


class Health(msgspec.Struct, omit_defaults=True):
    status: str
    reason: str = ""


def healthz(_context: Context) -> Health:
    """Say that the process lives."""
    return Health("alive")


def readyz(context: Context) -> Reply[Health]:
    """Say whether the default queue can run jobs; 503 until it can."""
    reason = context.readiness()
    return Reply(Health("ready"), 200) if reason is None else Reply(Health("not ready", reason), 503)


def metrics(context: Context) -> Answer:
    """Give the metrics of the service in the text format of Prometheus."""
    with context.database.read() as tx:
        counted = stored.count_by_status(tx)
    jobs = {status.value: counted.get(status, 0) for status in Status}
    return Answer(context.metrics.render(jobs), media_type=CONTENT_TYPE)


OPERATIONS = (
    open_operation("/healthz", healthz),
    open_operation("/readyz", readyz, other_status=503),
    open_operation("/metrics", metrics),
)
