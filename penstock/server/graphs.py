"""What Flink makes of a job: its execution, and the graph of a script that is not run."""

from penstock.dli import encoding
from penstock.dli import graphs as wire
from penstock.domain.engine import Refused
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import jobs as stored


def show_job_execution(context: Context, call: Call) -> wire.ExecutionAnswer:
    """Tell of the latest run in Flink's words: as it was last seen, within a second while the job is active."""
    job_id = encoding.read_job_id(call.job_id)
    with context.database.read() as tx:
        job = stored.get(tx, call.project_id, job_id)
    return wire.execution(job.execution, context.now_ms())


def draw_job_graph(context: Context, call: Call, body: wire.GraphBody) -> wire.GraphAnswer:
    """Let Flink plan a script without running it, and give its graph with the ids that `operator_config` takes."""
    job_id = encoding.read_job_id(call.job_id)
    with context.database.read() as tx:
        job = wire.to_plan(stored.get(tx, call.project_id, job_id), body)
    try:
        return wire.drawn(job, context.plan(job), body.graph_type)
    except Refused as error:
        return wire.refused(error.reason)


_OF_JOB = "{project_id}/streaming/jobs/{job_id}"
OPERATIONS = (
    operation("GET", f"/v1.0/{_OF_JOB}/execute-graph", Action.GET_JOB, show_job_execution),
    operation("POST", f"/v3/{_OF_JOB}/gen-graph", Action.UPDATE_JOB, draw_job_graph),
)
