"""Flink's answers over REST, as far as we read them; what they say beyond that is ignored."""

from typing import Annotated

import msgspec

_Milliseconds = Annotated[int, msgspec.Meta(ge=-1, le=2**53)]
"""What does not fit would break a write to the database; others answer for external clusters."""


class _Answer(msgspec.Struct, rename="kebab", frozen=True):
    pass


class JobRow(_Answer, frozen=True):
    """A job in the overview."""

    jid: str
    name: str
    state: str
    start_time: _Milliseconds
    end_time: _Milliseconds
    last_modification: _Milliseconds
    tasks: dict[str, int]

    @property
    def all_running(self) -> bool:
        """Flink says RUNNING as soon as it schedules; here every task runs, or has finished already."""
        total = self.tasks["total"]
        return self.state == "RUNNING" and 0 < total == self.tasks["running"] + self.tasks["finished"]


class Resources(_Answer, frozen=True):
    """What the cluster has to run jobs on."""

    taskmanagers: int
    slots_total: int
    slots_available: int


class Vertex(_Answer, frozen=True):
    """A task of a job, with all its parallel instances."""

    id: str


class JobDetail(_Answer, frozen=True):
    """One job; on clusters that cache it, it may be older than the overview."""

    state: str
    vertices: list[Vertex]


class Subtask(_Answer, frozen=True):
    """One attempt of one parallel instance of a task."""

    subtask: int
    attempt: int
    status_duration: dict[str, int]

    @property
    def ran(self) -> bool:
        return self.status_duration.get("RUNNING", -1) >= 0


class Checkpoint(_Answer, frozen=True, rename=None):
    """The newest completed checkpoint."""

    external_path: str
    discarded: bool = False


class Operation(_Answer, frozen=True):
    """What a savepoint has come to: neither field is set while Flink is writing it."""

    location: str | None = None
    failure: str | None = None
    """The stack trace."""


class Overview(_Answer, frozen=True):
    jobs: list[JobRow]


class VertexDetail(_Answer, frozen=True):
    subtasks: list[Subtask]


class Failure(_Answer, frozen=True):
    stacktrace: str


class History(_Answer, frozen=True):
    entries: list[Failure]


class Exceptions(_Answer, frozen=True, rename="camel"):
    exception_history: History


class Latest(_Answer, frozen=True):
    completed: Checkpoint | None


class Checkpoints(_Answer, frozen=True):
    latest: Latest


class Metric(_Answer, frozen=True):
    value: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]


class Gauge(_Answer, frozen=True):
    """A metric among several that were asked for."""

    id: str
    value: Annotated[str, msgspec.Meta(pattern="^-?[0-9]+$")]


class TaskManager(_Answer, frozen=True):
    id: str


class TaskManagers(_Answer, frozen=True):
    taskmanagers: list[TaskManager]


class ClusterConfig(_Answer, frozen=True):
    """What a cluster says of itself."""

    flink_version: str


class MetricId(_Answer, frozen=True):
    id: str


class Sum(_Answer, frozen=True):
    id: str
    sum: float


class PlanInput(_Answer, frozen=True, rename=None):
    id: str
    ship_strategy: str = ""


class PlanNode(_Answer, frozen=True):
    id: str
    parallelism: int
    description: str = ""
    inputs: list[PlanInput] = []


class JobPlan(_Answer, frozen=True):
    jid: str
    name: str
    nodes: list[PlanNode]


class PlannedJob(_Answer, frozen=True):
    plan: JobPlan


class Plan(_Answer, frozen=True):
    plan: msgspec.Raw


class Jar(_Answer, frozen=True):
    id: str
    name: str
    uploaded: int


class Jars(_Answer, frozen=True):
    files: list[Jar]


class Uploaded(_Answer, frozen=True):
    filename: str


class OperationFailure(_Answer, frozen=True):
    stack_trace: str


class Outcome(_Answer, frozen=True):
    location: str | None = None
    failure_cause: OperationFailure | None = None


class OperationState(_Answer, frozen=True):
    operation: Outcome | None = None


class Errors(_Answer, frozen=True):
    errors: list[str]
