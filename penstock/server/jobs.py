"""Jobs of any type: list, show, run, stop, savepoints, delete."""

from collections.abc import Callable, Sequence

from penstock.dli import encoding, errors
from penstock.dli import jobs as wire
from penstock.domain import bucket, calls, retention
from penstock.domain.errors import Invalid, NotAllowed, NotFound
from penstock.domain.job import Goal, Job, SavepointRequest
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context, Reply, log_unexpected
from penstock.store import jobs as stored
from penstock.store import queues, runs

Batch = Reply[list[wire.Outcome]]
Decide = Callable[[Job, int], Job]
"""Makes of a job, at a time, what a call wants it to be; raises what forbids that."""


def list_jobs(
    context: Context, call: Call, query: wire.ListQuery
) -> wire.ListAnswer[wire.Summary] | wire.ListAnswer[wire.Detail]:
    with context.database.read() as tx:
        jobs, total = stored.page(tx, query.filter(call.project_id))
    if query.show_detail:
        return wire.listed_in_detail(jobs, total)
    return wire.listed(jobs, total, context.now_ms())


def show_job(context: Context, call: Call) -> wire.ShowAnswer:
    job_id = encoding.read_job_id(call.job_id)
    with context.database.read() as tx:
        job = stored.get(tx, call.project_id, job_id)
    return wire.shown(job)


def run_jobs(context: Context, call: Call, body: wire.RunBody) -> Batch:
    def run(job: Job, now: int) -> Job:
        return calls.request_run(job, resume=body.resume_savepoint, now=now)

    return _batch(context, call, body.job_ids, run, "Run request accepted.")


def stop_jobs(context: Context, call: Call, body: wire.StopBody) -> Batch:
    def stop(job: Job, now: int) -> Job:
        savepoint = _savepoint(context, job, None, now) if body.trigger_savepoint else None
        return calls.request_stop(job, savepoint=savepoint, now=now)

    return _batch(context, call, body.job_ids, stop, "Stop request accepted.")


def delete_jobs(context: Context, call: Call, body: wire.DeleteBody) -> Batch:
    return _batch(context, call, body.job_ids, calls.request_delete, "Delete request accepted.")


def delete_job(context: Context, call: Call) -> wire.Done:
    change(context, call, encoding.read_job_id(call.job_id), calls.request_delete)
    return wire.Done(message="Job deleted.")


def trigger_savepoint(context: Context, call: Call, body: wire.SavepointBody) -> wire.Done:
    job_id = encoding.read_job_id(call.job_id)

    def trigger(job: Job, now: int) -> Job:
        return calls.request_savepoint(job, _savepoint(context, job, body.savepoint_path, now))

    change(context, call, job_id, trigger)
    return wire.Done(message="Savepoint request accepted.")


def import_savepoint(context: Context, call: Call, body: wire.ImportBody) -> wire.Done:
    job_id = encoding.read_job_id(call.job_id)
    if body.job_id != job_id:
        raise Invalid(f"job_id must be that of the path, {job_id}")
    state = _state_to_import(context, call, body.savepoint_path)
    change(context, call, job_id, lambda job, _now: calls.request_import(job, state))
    return wire.Done(message="Savepoint imported.")


def _state_to_import(context: Context, call: Call, place: str) -> str:
    """Find the state, and see to it that it is not removed from under the job; raises `Invalid` or `NotFound`."""
    with encoding.naming("savepoint_path"):
        state = context.state_at(call.project_id, place)
    if state is None:
        raise NotFound(f"there is no complete savepoint or checkpoint at {place}")
    run_id = retention.run_of(state)
    if run_id is not None:
        with context.database.write() as tx:
            if not runs.keep_folder(tx, run_id):
                raise NotFound(f"the checkpoints at {place} are being removed")
    return state


def change(context: Context, call: Call, job_id: int, decide: Decide) -> Job:
    """Read, decide and write one job in one transaction; whatever `decide` raises leaves it as it was."""
    with context.database.write() as tx:
        now = context.now_ms()
        before = stored.get(tx, call.project_id, encoding.existing_id(job_id), for_update=True)
        wanted = decide(before, now)
        if before.goal is Goal.REST and wanted.goal is Goal.RUN:
            queues.hold(tx, call.project_id, wanted.queue)
        after = stored.record(tx, before, wanted, now, call.actor)
    if after is None:
        raise NotAllowed(f"job {job_id} was changed by another call at the same moment; ask again")
    context.wake()
    return after


def _savepoint(context: Context, job: Job, place: str | None, now: int) -> SavepointRequest:
    with encoding.naming("savepoint_path"):
        target = bucket.parse(place) if place else bucket.savepoint_path(job, now)
        name, _ = bucket.split(target)
        if not context.knows_bucket(job.project_id, name):
            raise NotFound(bucket.unknown(name))
    give_up_at = now + context.savepoint_timeout_s * 1000
    return SavepointRequest(context.new_id(), target, requested_at=now, give_up_at=give_up_at)


def _batch(context: Context, call: Call, job_ids: Sequence[int], decide: Decide, message: str) -> Batch:
    """Act once on each job and answer for each position; the call as a whole fails when every job does.

    An unexpected error of one job is that job's: others may have been acted on already.
    """
    outcomes: dict[int, tuple[int, wire.Outcome]] = {}
    for job_id in sorted(set(job_ids)):  # in one order, as calls with a key hold all these rows to their end
        try:
            change(context, call, job_id, decide)
            outcomes[job_id] = 200, wire.Outcome(message=message)
        except Exception as error:
            status, failure = errors.failure(error)
            if status >= 500:
                log_unexpected(error, f"{call.request_id} for job {job_id}")
            outcomes[job_id] = status, wire.not_done(failure)
    return Reply([outcomes[job_id][1] for job_id in job_ids], min(status for status, _ in outcomes.values()))


_JOBS = "/v1.0/{project_id}/streaming/jobs"
_JOB = f"{_JOBS}/{{job_id}}"
OPERATIONS = (
    operation("GET", _JOBS, Action.LIST_JOBS, list_jobs),
    operation("POST", f"{_JOBS}/run", Action.START_JOB, run_jobs, is_repeatable=True),
    operation("POST", f"{_JOBS}/stop", Action.STOP_JOB, stop_jobs),
    operation("POST", f"{_JOBS}/delete", Action.DELETE_JOB, delete_jobs),
    operation("GET", _JOB, Action.GET_JOB, show_job),
    operation("DELETE", _JOB, Action.DELETE_JOB, delete_job),
    operation("POST", f"{_JOB}/savepoint", Action.UPDATE_JOB, trigger_savepoint),
    operation("POST", f"{_JOB}/import-savepoint", Action.UPDATE_JOB, import_savepoint),
)
