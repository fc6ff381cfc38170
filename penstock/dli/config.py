"""`job_config`: the settings of a job, as requests give them and as answers show them (DLI: create SQL job)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.dli import encoding, settings_text
from penstock.dli.settings_text import ResourceConfig
from penstock.domain import bucket, lines, package, resources
from penstock.domain.errors import Invalid, NotAllowed
from penstock.domain.job import CheckpointMode, JarProgram, Job
from penstock.domain.job import JobConfig as Settings

AtLeastZero = Annotated[int, Meta(ge=0, le=2**31 - 1)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Word = Annotated[str, Meta(max_length=512)]
Address = Annotated[str, Meta(max_length=2048)]
Document = Annotated[str, Meta(max_length=64 * 1024)]
NO_PARENT = -1
_SPECIFICATION = {"cpu": 1.0, "memory": "4G"}
_JAR_RESOURCES = {
    "max_slot": 1,
    "parallel_number": 1,
    "jobmanager_resource_spec": _SPECIFICATION,
    "taskmanager_resource_spec": _SPECIFICATION,
}
"""What Terraform expects of a jar job that was given none."""

_SAME_VALUE = {
    "checkpoint_enabled": "checkpoint_enabled",
    "checkpoint_interval": "checkpoint_interval_s",
    "log_enabled": "log_enabled",
    "manager_cu_number": "manager_cus",
    "cu_number": "cus",
    "parallel_number": "parallelism",
    "restart_when_exception": "restart_on_failure",
    "idle_state_retention": "state_ttl_s",
    "resume_checkpoint": "restart_from_checkpoint",
    "resume_max_num": "restart_limit_per_hour",
    "tm_cus": "taskmanager_cus",
    "resource_config_version": "resource_config_version",
}
_EMPTY_IS_NONE = {
    "obs_bucket": "bucket",
    "smn_topic": "alarm_topic",
    "udf_jar_url": "udf_jar_url",
    "dirty_data_strategy": "dirty_data_strategy",
    "runtime_config": "runtime_config",
    "flink_version": "flink_version",
    "operator_config": "operator_config",
    "static_estimator_config": "static_estimator_config",
    "execution_agency_urn": "execution_agency_urn",
    "flink_log_config": "log_config",
    "tm_slot_num": "taskmanager_slots",
}
_MODES: dict[object, CheckpointMode] = {
    1: CheckpointMode.EXACTLY_ONCE,
    "1": CheckpointMode.EXACTLY_ONCE,
    2: CheckpointMode.AT_LEAST_ONCE,
    "2": CheckpointMode.AT_LEAST_ONCE,
} | {mode.value: mode for mode in CheckpointMode}


_ADDRESSES: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("obs_bucket", "bucket", bucket.check_name),
    ("checkpoint_path", "checkpoint_path", bucket.parse),
    ("udf_jar_url", "udf_jar_url", package.refer),
)


def wire_names(settings: Collection[str]) -> list[str]:
    """Give the names by which requests and answers call these settings."""
    ours = {domain: wire for wire, domain in (_SAME_VALUE | _EMPTY_IS_NONE).items()}
    ours |= {"description": "desc", "queue": "queue_name", "sql": "sql_body", "arguments": "entrypoint_args"}
    return sorted(ours.get(name, name) for name in settings)


class SettingsBody(msgspec.Struct, kw_only=True):
    """The part of every create or update body that becomes `job_config`; None means not given."""

    checkpoint_enabled: bool | None = None
    checkpoint_mode: Literal[1, 2, "1", "2", "exactly_once", "at_least_once"] | None = None
    checkpoint_interval: Annotated[int, Meta(ge=0, le=999_999)] | None = None
    log_enabled: bool | None = None
    obs_bucket: Annotated[str, Meta(max_length=63)] | None = None
    smn_topic: Word | None = None
    manager_cu_number: AtLeastOne | None = None
    cu_number: Annotated[int, Meta(ge=2, le=400)] | None = None
    parallel_number: Annotated[int, Meta(ge=1, le=2000)] | None = None
    restart_when_exception: bool | None = None
    resume_checkpoint: bool | None = None
    resume_max_num: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    runtime_config: Document | None = None
    tm_cus: AtLeastOne | None = None
    tm_slot_num: AtLeastZero | None = None
    flink_version: Annotated[str, Meta(max_length=32)] | None = None
    execution_agency_urn: Word | None = None
    flink_log_config: Document | None = None
    resource_config: ResourceConfig | None = None
    resource_config_version: Literal["v1", "v2"] | None = None


class JobConfig(msgspec.Struct, kw_only=True):
    """`job_config` in an answer: every key, in this order; what no setting stands behind is constant."""

    checkpoint_enabled: bool
    checkpoint_mode: str
    checkpoint_interval: int
    log_enabled: bool
    obs_bucket: str | None
    smn_topic: str | None
    root_id: int = NO_PARENT
    edge_group_ids: list[str] | None = None
    manager_cu_number: int
    cu_number: int
    parallel_number: int
    restart_when_exception: bool
    idle_state_retention: int
    udf_jar_url: str | None
    dirty_data_strategy: str | None
    entrypoint: str | None
    dependency_jars: Sequence[str] | None
    dependency_files: Sequence[str] | None
    executor_number: int | None = None
    executor_cu_number: int | None = None
    resume_checkpoint: bool
    runtime_config: str | None
    graph_editor_enabled: bool = False
    graph_editor_data: str | None = None
    resume_max_num: int
    checkpoint_path: str | None
    config_url: str | None = None
    tm_cus: int
    tm_slot_num: int | None
    image: str | None = None
    feature: str | None
    flink_version: str | None
    operator_config: str | None
    static_estimator_config: str | None
    real_cu_number: int
    """The CUs that the job holds at present, where they are not `cu_number`; else 0."""
    execution_agency_urn: str | None
    flink_log_config: str | None
    resource_config: Mapping[str, object] | None
    resource_config_version: str


def answer(job: Job) -> JobConfig:
    """Show the settings of a job."""
    config, program = job.config, job.program or JarProgram()
    kept = config.checkpoint_enabled or config.checkpoint_path
    held = resources.held(job)
    return JobConfig(
        **_words(config),
        checkpoint_mode=config.checkpoint_mode.value,
        checkpoint_path=bucket.checkpoint_path(job) if kept else None,
        real_cu_number=0 if held == config.cus else held,
        entrypoint=program.entrypoint,
        dependency_jars=program.dependency_jars or None,
        dependency_files=program.dependency_files or None,
        feature="basic" if job.program else None,
        resource_config=config.resource_config or (_JAR_RESOURCES if job.program else None),
    )


def asked(config: Settings) -> dict[str, object]:
    """Say what a request has to hold for a job to get these settings; None: nothing."""
    given = {"checkpoint_path": config.checkpoint_path, "resource_config": config.resource_config}
    return _words(config) | given | {"checkpoint_mode": config.checkpoint_mode.value}


def merged(stored: Settings, body: SettingsBody) -> Settings:
    """Lay the given settings over the stored ones; raises `Invalid` or `NotAllowed`.

    An empty text, or 0 slots, clears a setting.
    """
    given: dict[str, Any] = {
        name: getattr(body, wire, None) for wire, name in (_SAME_VALUE | _EMPTY_IS_NONE).items()
    }
    given["checkpoint_mode"] = _MODES.get(body.checkpoint_mode)
    given["dirty_data_strategy"] = _dirty_data_strategy(given["dirty_data_strategy"])
    given["checkpoint_path"] = getattr(body, "checkpoint_path", None)
    given["resource_config"] = settings_text.resource_config(body.resource_config)
    present = {name: value for name, value in given.items() if value is not None}
    cleared = {name: None for name in (*_EMPTY_IS_NONE.values(), "checkpoint_path") if present.get(name) in ("", 0)}
    _check_texts(given)
    config = replace(stored, **(present | cleared))
    _check_together(config)
    return config


def _words(config: Settings) -> dict[str, Any]:
    return {wire: getattr(config, name) for wire, name in (_SAME_VALUE | _EMPTY_IS_NONE).items()}


def _dirty_data_strategy(value: object) -> str | None:
    text = str(value) if type(value) is int else value
    match text:
        case None | "" | "0" | "1":
            return text
        case str() if text == "2" or text.startswith("2:"):
            raise NotAllowed("dirty_data_strategy 2 is not supported: there is no place to write dirty records to")
    raise Invalid("dirty_data_strategy must be 0 or 1")


def _check_texts(given: Mapping[str, Any]) -> None:
    lines.line_of(given["flink_version"], default="")
    for wire, name, check in _ADDRESSES:
        if given[name]:
            with encoding.naming(wire):
                check(given[name])
    settings_text.check_runtime_config(given["runtime_config"])
    settings_text.check_log_config(given["log_config"])
    settings_text.check_operator_config(given["operator_config"])
    settings_text.check_json("static_estimator_config", given["static_estimator_config"])


def _check_together(config: Settings) -> None:
    """Check the rules that hold between settings (DLI: create SQL job)."""
    if config.manager_cus >= config.cus:
        raise Invalid(f"manager_cu_number must be less than cu_number, which is {config.cus}")
    if config.taskmanager_cus > config.cus - config.manager_cus:
        raise Invalid(
            f"tm_cus must be at most cu_number - manager_cu_number, which is {config.cus - config.manager_cus}"
        )
    if config.checkpoint_enabled and config.checkpoint_interval_s < 1:
        raise Invalid("checkpoint_interval must be an integer between 1 and 999999 when checkpoint_enabled is true")
    if config.restart_limit_per_hour == 0:
        raise Invalid("resume_max_num must be -1 (no limit) or greater than 0")
