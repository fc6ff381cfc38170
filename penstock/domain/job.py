"""The job: what the user asked for, and what became of it.

Times are whole milliseconds since the epoch. Places of state (`obs://bucket/key/`) are addresses of the
project's buckets, never paths of the host; only `flink/` knows where a bucket lies.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """The fourteen statuses of the Listing Jobs page (DLI: ListFlinkJobs, `status`)."""

    INIT = "job_init"
    SUBMITTING = "job_submitting"
    SUBMIT_FAILED = "job_submit_fail"
    RUNNING = "job_running"
    EXCEPTION = "job_running_exception"
    DOWNLOADING = "job_downloading"
    IDLE = "job_idle"
    CANCELING = "job_canceling"
    CANCELLED = "job_cancel_success"
    CANCEL_FAILED = "job_cancel_fail"
    SAVEPOINTING = "job_savepointing"
    ARREARAGE_STOPPED = "job_arrearage_stopped"
    ARREARAGE_RECOVERING = "job_arrearage_recovering"
    FINISHED = "job_finish"


ACTIVE = frozenset({Status.SUBMITTING, Status.RUNNING, Status.CANCELING, Status.CANCEL_FAILED, Status.SAVEPOINTING})
"""The statuses in which Flink may hold a job for us."""


class Goal(StrEnum):
    """What the user wants of the job; the controller makes Flink agree."""

    REST = "rest"
    RUN = "run"
    STOP = "stop"
    STOP_WITH_SAVEPOINT = "stop_with_savepoint"
    WATCH = "watch"
    """A stop failed: the row follows Flink, and nothing is done to the job."""
    DELETE = "delete"


class JobType(StrEnum):
    """DLI's job types; the SQL of both SQL types is community Flink SQL here."""

    SQL = "flink_sql_job"
    OPENSOURCE_SQL = "flink_opensource_sql_job"
    JAR = "flink_jar_job"
    EDGE_SQL = "flink_sql_edge_job"


class RunMode(StrEnum):
    """Whose queue the job asks for (stored and echoed; a queue decides how it isolates its jobs)."""

    SHARED = "shared_cluster"
    EXCLUSIVE = "exclusive_cluster"
    EDGE = "edge_node"


class CheckpointMode(StrEnum):
    """The consistency of checkpoints (Flink: `execution.checkpointing.mode`)."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


SKIP_DIRTY_RECORDS = "0"
"""The `dirty_data_strategy` of a job that goes on past what it cannot read."""


@dataclass(frozen=True)
class JobConfig:
    """The user's settings of a job (DLI: `job_config`), in the words of Flink and with their units."""

    checkpoint_enabled: bool = False
    checkpoint_mode: CheckpointMode = CheckpointMode.EXACTLY_ONCE
    checkpoint_interval_s: int = 10
    checkpoint_path: str | None = None
    state_ttl_s: int = 3600
    """0 keeps state for ever."""
    bucket: str | None = None
    log_enabled: bool = False
    alarm_topic: str | None = None
    cus: int = 2
    """Compute units of the whole job; one is 1 vCPU and 4 GB."""
    manager_cus: int = 1
    taskmanager_cus: int = 1
    taskmanager_slots: int | None = None
    parallelism: int = 1
    restart_on_failure: bool = False
    restart_from_checkpoint: bool = False
    restart_limit_per_hour: int = -1
    """-1 sets no limit."""
    flink_version: str | None = None
    runtime_config: str | None = None
    udf_jar_url: str | None = None
    dirty_data_strategy: str | None = None
    operator_config: str | None = None
    static_estimator_config: str | None = None
    execution_agency_urn: str | None = None
    log_config: str | None = None
    resource_config: dict[str, object] | None = None
    resource_config_version: str = "v1"


@dataclass(frozen=True)
class JarProgram:
    """What a jar job runs (DLI: create jar job); jars and files as `domain/package.py` reads them."""

    entrypoint: str | None = None
    """The jar with the main class; a draft may still lack it."""
    main_class: str | None = None
    """None: the one that the manifest of the jar names."""
    arguments: str | None = None
    """As one text, to be split like a shell's line."""
    dependency_jars: tuple[str, ...] = ()
    dependency_files: tuple[str, ...] = ()
    """Resources of the program: `userData/<name of the file>`."""


@dataclass(frozen=True)
class Run:
    """One life of the job in Flink: one submission, known by the Flink job id that we chose for it."""

    id: str
    submit_at: int
    """When it is first sent; a restart waits a moment before that."""
    resume_from: str | None = None
    cluster: str | None = None
    """The incarnation of the cluster that it was sent to; stored before it is sent, and the only one it goes to."""
    checkpoints: str | None = None
    """The folder of its checkpoints."""
    lost: int = 0
    """How many runs before it went down with their cluster before they ever ran."""
    attempts: int = 0
    """How often it was sent; each is counted and stored before it is sent."""
    sent_at: int = 0
    """When it was last sent."""
    unanswered: str | None = None
    """Why nobody knows whether the last attempt was taken."""
    refused: str | None = None
    """Why Flink refused an attempt while an earlier one may still land."""
    seen: bool = False
    """Flink has shown the job at least once."""
    ran: bool = False
    """Every task of it was running at some time."""
    troubled: bool = False
    """It, or the run before it, has failed, and not all tasks run again yet."""
    doomed: str | None = None
    """Why it must end before it ever ran: it is cancelled for sure, then the job settles."""
    missing_since: int | None = None
    """Since when Flink, which answers, no longer shows a job that it has shown."""
    flink_restarts: int = 0
    """Flink's own restarts of this run, as far as the job's `restart_count` holds them."""
    checkpoint: str | None = None
    """The newest checkpoint that Flink has reported of it."""


@dataclass(frozen=True)
class Execution:
    """What Flink has last said of a run, in its own words (DLI: execution plan)."""

    id: str
    name: str
    state: str
    """One of Flink's job states, which are more than the statuses of DLI."""
    started_at: int
    ended_at: int | None = None


class SavepointOrigin(StrEnum):
    """Who asked for a savepoint: one that a stop took is gone from the record once the job runs again."""

    STOP = "stop"
    REQUEST = "request"
    IMPORT = "import"


@dataclass(frozen=True)
class Savepoint:
    """A restorable savepoint, by its `obs://` address."""

    path: str
    origin: SavepointOrigin


@dataclass(frozen=True)
class SavepointRequest:
    """A savepoint on its way; the trigger id is stored before Flink is asked, and the same on every retry."""

    trigger_id: str
    target: str
    requested_at: int
    sent: bool = False
    """Flink was asked for it, or is about to be; stored before it is."""
    give_up_at: int | None = None
    """When it has failed for having taken too long; None: never."""
    moves: bool = False
    """The job stops with it only to go on at once on another cluster."""


@dataclass(frozen=True)
class Job:
    """The whole record of a job. A change is a new value; `version` tells which one a writer has read."""

    id: int
    project_id: str
    user_id: str
    user_name: str
    type: JobType
    name: str
    queue: str
    created_at: int
    updated_at: int
    description: str = ""
    run_mode: RunMode = RunMode.SHARED
    sql: str = ""
    program: JarProgram | None = None
    """Of a jar job, in place of `sql`."""
    config: JobConfig = JobConfig()
    tags: dict[str, str] = field(default_factory=dict)

    status: Status = Status.INIT
    reason: str = ""
    """Why the status is what it is (DLI: `status_desc`)."""
    goal: Goal = Goal.REST
    run: Run | None = None
    started_at: int | None = None
    """Flink's start time of the first run of this life."""
    ended_at: int | None = None
    requested_at: int | None = None
    """When the call that set the present goal was accepted."""
    restart_count: int = 0
    restarts: tuple[int, ...] = ()
    """When each restart of the last hour happened, Flink's own and ours."""
    restore_point: str | None = None
    """The state this life was told to start from."""
    newest_state: str | None = None
    """The newest checkpoint or savepoint that this life has written."""
    savepoint: Savepoint | None = None
    savepoint_request: SavepointRequest | None = None
    execution_plan: str | None = None
    """Flink's plan of the latest run, as JSON text."""
    execution: Execution | None = None
    """The latest run that Flink has shown."""
    deleted_at: int | None = None
    unreachable_since: int | None = None
    """Since when the job's cluster does not answer: all else that is said of Flink is what was last known."""
    written_at: int = 0
    """When the row was last written; an observation sent before that says nothing about it."""
    version: int = 0
    unreadable: str | None = None
    """What of the row this version of the service cannot read: it then leaves the job as it is."""


def settings(job: Job) -> dict[str, object]:
    """Give all that the user has set, by name: no two parts of a job share one."""
    own = {name: getattr(job, name) for name in ("description", "name", "queue", "run_mode", "sql", "tags")}
    return own | asdict(job.config) | asdict(job.program or JarProgram())


@dataclass(frozen=True)
class JobFilter:
    """Which jobs of a project a list shows, and which page of them (DLI: ListFlinkJobs)."""

    project_id: str
    type: JobType | None = None
    status: Status | None = None
    queue: str | None = None
    user_name: str | None = None
    name_part: str | None = None
    """Matches anywhere in the name, case-sensitively."""
    tags: dict[str, str] = field(default_factory=dict)
    """All must match."""
    root_job_id: int | None = None
    """An edge parent: no job here has one, so any value matches nothing."""
    enterprise_project: str | None = None
    """That of the job's queue."""
    after_id: int | None = None
    """The older `cursor`: only jobs beyond this id, in the direction of the order; not part of the total."""
    backwards: bool = False
    """The older `next=false`: the page that comes before the cursor instead."""
    descending: bool = True
    offset: int = 0
    limit: int = 10
