"""Jobs of any type on the wire: list, show, run, stop, savepoint, delete."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from penstock.dli import config
from penstock.dli.config import NO_PARENT, JobConfig
from penstock.dli.encoding import LARGEST_ID
from penstock.dli.errors import Failure
from penstock.domain import tags
from penstock.domain.errors import Invalid
from penstock.domain.job import ACTIVE, Job, JobFilter, JobType, Status

Id = Annotated[int, Meta(ge=-LARGEST_ID, le=LARGEST_ID)]
MOST_TAGS = tags.MOST


class ListQuery(msgspec.Struct, kw_only=True):
    """The query of a list; None means not given."""

    job_type: JobType | None = None
    status: Status | None = None
    queue_name: str | None = None
    order: Literal["asc", "desc"] = "desc"
    limit: Annotated[int, Meta(ge=0, le=100)] = 10
    offset: Annotated[int, Meta(ge=0, le=LARGEST_ID)] = 0
    name: Annotated[str, Meta(max_length=57)] | None = None
    show_detail: bool = False
    user_name: str | None = None
    tags: str | None = None
    root_job_id: Id | None = None
    sys_enterprise_project_name: str | None = None
    cursor: Id = 0
    next: bool = True

    def filter(self, project_id: str) -> JobFilter:
        """Say which jobs are wanted; raises `Invalid`."""
        return JobFilter(
            project_id=project_id,
            type=self.job_type,
            status=self.status,
            queue=self.queue_name,
            user_name=self.user_name,
            name_part=self.name,
            tags=read_tags(self.tags or ""),
            root_job_id=self.root_job_id,
            enterprise_project=self.sys_enterprise_project_name,
            after_id=self.cursor or None,
            backwards=self.cursor != 0 and not self.next,
            descending=self.order == "desc",
            offset=self.offset,
            limit=self.limit,
        )


JobIds = Annotated[list[int], Meta(min_length=1, max_length=100)]


class DeleteBody(msgspec.Struct):
    job_ids: JobIds


class RunBody(msgspec.Struct):
    job_ids: JobIds
    resume_savepoint: bool = False


class StopBody(msgspec.Struct):
    job_ids: JobIds
    trigger_savepoint: bool = False


class SavepointBody(msgspec.Struct):
    action: Literal["TRIGGER"]
    savepoint_path: config.Address | None = None


class ImportBody(msgspec.Struct):
    job_id: Id
    savepoint_path: config.Address


class Summary(msgspec.Struct):
    """A job of a list without `show_detail`."""

    job_id: int
    name: str
    desc: str
    user_name: str
    job_type: str
    status: str
    status_desc: str
    create_time: int
    start_time: int
    duration: int
    root_id: int
    graph_editor_enabled: bool
    has_savepoint: bool
    queue_name: str
    edge_group_ids: list[str] | None
    restart_times: int
    savepoint_path: str | None


class Detail(msgspec.Struct):
    """A job of a list with `show_detail`, or one that is shown alone."""

    job_id: int
    name: str
    desc: str
    job_type: str
    status: str
    status_desc: str
    create_time: int
    start_time: int | None
    graph_editor_enabled: bool
    has_savepoint: bool
    user_id: str
    project_id: str
    sql_body: str
    run_mode: str
    job_config: JobConfig
    main_class: str | None
    entrypoint_args: str | None
    execution_graph: str | None
    update_time: int
    queue_name: str
    edge_group_ids: list[str] | None
    restart_times: int
    savepoint_path: str | None


Listed = TypeVar("Listed", Summary, Detail)


class JobList(msgspec.Struct, Generic[Listed]):
    total_count: int
    jobs: Sequence[Listed]


class Done(msgspec.Struct, kw_only=True):
    """A call that was accepted."""

    is_success: str = "true"
    message: str


class ListAnswer(msgspec.Struct, Generic[Listed], kw_only=True):
    is_success: str = "true"
    message: str = ""
    job_list: JobList[Listed]


class ShowAnswer(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    job_detail: Detail


class Outcome(msgspec.Struct, kw_only=True):
    """What a batch has come to for one job; the first two are of a failure."""

    error_code: str | msgspec.UnsetType = msgspec.UNSET
    error_msg: str | msgspec.UnsetType = msgspec.UNSET
    is_success: str = "true"
    message: str


def summary(job: Job, now: int) -> Summary:
    return Summary(
        **_shared(job),
        user_name=job.user_name,
        start_time=job.started_at or 0,
        duration=_duration(job, now),
        root_id=NO_PARENT,
    )


def detail(job: Job, *, not_started: int | None) -> Detail:
    """Show a job in full; one that has not started has the `start_time` 0 in a list, and null when shown alone."""
    return Detail(
        **_shared(job),
        start_time=job.started_at or not_started,
        user_id=job.user_id,
        project_id=job.project_id,
        sql_body=job.sql,
        run_mode=job.run_mode.value,
        job_config=config.answer(job),
        main_class=job.program.main_class if job.program else None,
        entrypoint_args=job.program.arguments if job.program else None,
        execution_graph=job.execution_plan,
        update_time=job.updated_at,
    )


def listed(jobs: list[Job], total: int, now: int) -> ListAnswer[Summary]:
    return ListAnswer(job_list=JobList(total, [summary(job, now) for job in jobs]))


def listed_in_detail(jobs: list[Job], total: int) -> ListAnswer[Detail]:
    return ListAnswer(job_list=JobList(total, [detail(job, not_started=0) for job in jobs]))


def shown(job: Job) -> ShowAnswer:
    return ShowAnswer(job_detail=detail(job, not_started=None))


def not_done(failure: Failure) -> Outcome:
    code, text = failure.error_code, failure.error_msg
    return Outcome(error_code=code, error_msg=text, is_success="false", message=text)


def _shared(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "name": job.name,
        "desc": job.description,
        "job_type": job.type.value,
        "status": job.status.value,
        "status_desc": _status_desc(job),
        "create_time": job.created_at,
        "graph_editor_enabled": False,
        "has_savepoint": job.savepoint is not None,
        "queue_name": job.queue,
        "edge_group_ids": None,
        "restart_times": job.restart_count,
        "savepoint_path": job.savepoint.path if job.savepoint else None,
    }


def _status_desc(job: Job) -> str:
    """Say why the status is what it is, and how old that is while the job's cluster is silent."""
    if job.unreadable is not None:
        return job.unreadable
    if job.unreachable_since is None or job.status not in ACTIVE:
        return job.reason
    since = datetime.fromtimestamp(job.unreachable_since / 1000, UTC)
    told = f"last known; its cluster has not answered since {since:%Y-%m-%d %H:%M:%S} UTC"
    return f"{told}; {job.reason}" if job.reason else told


def _duration(job: Job, now: int) -> int:
    """Milliseconds from Flink's first start of this life to its end, or to now while it lasts."""
    if job.started_at is None:
        return 0
    return max(0, (now if job.ended_at is None else job.ended_at) - job.started_at)


def read_tags(text: str) -> dict[str, str]:
    """Read `k=v,k2=v2`, each taken apart at its first equals sign."""
    items = text.split(",") if text else []
    if len(items) > MOST_TAGS:
        raise Invalid(f"tags must name at most {MOST_TAGS} tags: no job has more")
    read: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise Invalid("tags must be written k=v,k2=v2")
        if read.setdefault(key, value) != value:
            raise Invalid(f"tags must not ask for two values of {key!r}: a job has one at most")
    return read
