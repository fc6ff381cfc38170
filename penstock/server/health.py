"""What an operator's tools ask: alive, ready, metrics. Open to everybody, and free of what users typed."""

from penstock.domain.job import Status
from penstock.server.operation import Answer, Context, Operation, Received, json
from penstock.store import jobs as stored
from penstock.telemetry import CONTENT_TYPE


def healthz(_context: Context, _received: Received) -> Answer:
    return json({"status": "alive"})


def readyz(context: Context, _received: Received) -> Answer:
    """Say whether the default queue can run jobs."""
    reason = context.readiness()
    if reason is None:
        return json({"status": "ready"})
    return json({"status": "not ready", "reason": reason}, 503)


def metrics(context: Context, _received: Received) -> Answer:
    with context.database.read() as tx:
        counted = stored.count_by_status(tx)
    jobs = {status.value: counted.get(status, 0) for status in Status}
    return Answer(context.metrics.render(jobs), media_type=CONTENT_TYPE)


OPERATIONS = (
    Operation("healthz", "GET", "/healthz", healthz),
    Operation("readyz", "GET", "/readyz", readyz),
    Operation("metrics", "GET", "/metrics", metrics),
)
