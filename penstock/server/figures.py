"""What flows through jobs that run."""

from penstock.dli import encoding
from penstock.dli import figures as wire
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import jobs as stored


def show_metrics(context: Context, call: Call, body: wire.FiguresBody) -> wire.FiguresAnswer:
    """Tell how many rows jobs have read and written, and how many per second; zeros of those that do not run."""
    with context.database.read() as tx:
        ids = dict.fromkeys(body.job_ids)
        jobs = [stored.get(tx, call.project_id, encoding.existing_id(job_id)) for job_id in ids]
    return wire.answer({job.id: context.figures(job) for job in jobs})


OPERATIONS = (operation("POST", "/v1.0/{project_id}/streaming/jobs/metrics", Action.GET_JOB, show_metrics),)
