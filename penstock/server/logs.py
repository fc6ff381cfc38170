"""What the processes of Flink have logged for a job: calls of our own, not DLI's."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.dli import encoding
from penstock.domain.errors import NotFound
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.history import PREFIX
from penstock.server.operation import Context
from penstock.store import events, runs
from penstock.store.runs import Owned

_MOST = 1024 * 1024


class ReadQuery(msgspec.Struct):
    run_id: Annotated[str, Meta(max_length=32)] | None = None
    """The newest run that has such a file unless given."""
    offset: Annotated[int, Meta(ge=-encoding.LARGEST_ID, le=encoding.LARGEST_ID)] = 0
    limit: Annotated[int, Meta(ge=1, le=_MOST)] = 64 * 1024


class Shown(msgspec.Struct):
    """A file; times are milliseconds since the epoch."""

    run_id: str
    run_time: int
    name: str
    size: int
    update_time: int


class Logs(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    logs: Sequence[Shown]


class Read(msgspec.Struct, kw_only=True):
    """Whole lines; offsets are bytes of the file, which `content` can have fewer or more of."""

    is_success: str = "true"
    message: str = ""
    run_id: str
    name: str
    offset: int
    next_offset: int
    size: int
    content: str


def list_logs(context: Context, call: Call) -> Logs:
    of_runs = ((run, context.logs.files(run.run_id)) for run in _runs(context, call))
    shown = [
        Shown(run.run_id, run.recorded_at, file.name, file.size, file.written_at)
        for run, files in of_runs
        for file in files
    ]
    return Logs(logs=shown)


def read_log(context: Context, call: Call, query: ReadQuery) -> Read:
    name = call.names["name"]
    for run in _runs(context, call):
        if query.run_id in (None, run.run_id):
            piece = context.logs.read(run.run_id, name, query.offset, query.limit)
            if piece is not None:
                return Read(
                    run_id=run.run_id,
                    name=name,
                    offset=piece.offset,
                    next_offset=piece.next_offset,
                    size=piece.size,
                    content=piece.text,
                )
    raise NotFound("there is no such log of this job on the host of this service")


def _runs(context: Context, call: Call) -> list[Owned]:
    job_id = encoding.read_job_id(call.job_id)
    with context.database.read() as tx:
        events.check_job(tx, call.project_id, job_id)
        return runs.of_job(tx, job_id)


_LOGS = f"{PREFIX}/jobs/{{job_id}}/logs"
OPERATIONS = (
    operation("GET", _LOGS, Action.READ_LOGS, list_logs),
    operation("GET", f"{_LOGS}/{{name}}", Action.READ_LOGS, read_log),
)
