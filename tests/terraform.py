"""Terraform's resources of Flink jobs: which calls they make, and what they read of the answers.

Read from huaweicloud/terraform-provider-huaweicloud at a0345b8 (2026-08-21, after 1.97.1). A resource is created,
read, changed and destroyed here as there; `plan` says what a second `terraform plan` would want to change.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.golangsdk import LANGUAGE, TAGGED, GoClient

Config = Mapping[str, Any]
JOB = "v1.0/{p}/streaming/jobs/"
BEFORE_RUNNING = ("job_init", "job_submitting")
BEFORE_STOPPED = ("job_submitting", "job_running", "job_canceling", "job_savepointing", "job_arrearage_recovering")


@dataclass(frozen=True)
class Attribute:
    """Of a resource: how it is called there, in a request, and where in `job_detail`."""

    name: str
    wire: str
    place: str
    kind: type
    default: Any
    is_computed: bool
    """If the configuration leaves it out, the service says what it is."""
    omits_zero: bool


def attribute(
    name: str,
    wire: str = "",
    *,
    kind: type = str,
    default: Any = None,
    top: bool = False,
    computed: bool = False,
    omits_zero: bool | None = None,
) -> Attribute:
    wire = wire or name
    zero = kind() if default is None else default
    omits = kind in (str, list, dict) if omits_zero is None else omits_zero
    return Attribute(name, wire, wire if top else f"job_config.{wire}", kind, zero, computed, omits)


WHILE_RUNNING = ("smn_topic", "restart_when_exception", "resume_checkpoint", "resume_max_num", "obs_bucket")

SHARED = (
    attribute("name", top=True),
    attribute("description", "desc", top=True),
    attribute("queue_name", top=True, computed=True),
    attribute("obs_bucket"),
    attribute("log_enabled", kind=bool),
    attribute("smn_topic"),
    attribute("restart_when_exception", kind=bool),
    attribute("tm_slot_num", kind=int, computed=True),
    attribute("resume_checkpoint", kind=bool),
    attribute("resume_max_num", kind=int, default=-1),
    attribute("runtime_config", kind=dict),
    attribute("checkpoint_enabled", kind=bool),
)


@dataclass
class JobResource:
    """A job in the state of Terraform."""

    client: GoClient
    settle: Callable[[int], None] = lambda _job_id: None
    """Does what happens while Terraform waits."""
    patience_s: float = 60
    id: int = 0
    state: dict[str, Any] = field(default_factory=dict)

    path: ClassVar[str]
    attributes: ClassVar[tuple[Attribute, ...]]
    never_on_update: ClassVar[tuple[str, ...]]
    """What a full update leaves out."""
    while_running: ClassVar[tuple[str, ...]]

    def create(self, config: Config) -> None:
        values = self._values(config)
        self._authorize(values)
        body = self.body(values, [each.name for each in self.attributes], is_new=True)
        made = self._succeeds("POST", self.path, {**body, "tags": None})
        self.id = made["job"]["job_id"]
        assert type(self.id) is int
        if values["tags"]:
            self._change_tags("create", values["tags"])
        self._after_creation(values)
        self._run(resume=False)
        self._wait(BEFORE_RUNNING, ("job_running", "job_finish"))
        self.refresh(config)

    def refresh(self, config: Config) -> None:
        answer = self.client.call("GET", f"{JOB}{self.id}")
        assert answer["is_success"] == "true"
        detail = answer["job_detail"]
        _decodes(detail, detail["job_config"])
        self.state = {each.name: self.read(each, _at(detail, each)) for each in self.attributes}
        self.state["status"] = detail["status"]
        tags = self.client.call("GET", f"v3/{{p}}/dli_flink_job/{self.id}/tags", ok=(200, 202))["tags"]
        self.state["tags"] = {tag["key"]: tag["value"] for tag in tags}

    def plan(self, config: Config) -> set[str]:
        """Name what the next apply would change."""
        wanted = self._values(config)
        return {name for name, value in wanted.items() if value != self.state[name]}

    def update(self, config: Config) -> None:
        changed, old = self.plan(config), self.state
        values = self._values(config)
        if "tags" in changed:
            for action, tags in (("delete", old["tags"]), ("create", values["tags"])):
                if tags:
                    self._change_tags(action, tags)
        if changed - {"tags"}:
            self._authorize(values)
            if changed & {*self.while_running}:
                body = self.body(values, self.names_while_running(values, changed))
                self._succeeds("PUT", f"{self.path}/{self.id}", body)
            if changed - {*self.while_running}:
                self._restart(values)
            self._wait(BEFORE_RUNNING, ("job_running", "job_finish"))
        self.refresh(config)

    def destroy(self) -> None:
        self._succeeds("DELETE", f"{JOB}{self.id}")

    @property
    def is_gone(self) -> bool:
        """Whether a refresh drops it from the state: the one failure that it takes for that."""
        answer = self.client.send("GET", f"{JOB}{self.id}")
        return answer.status_code == 404 or (
            answer.status_code == 400 and answer.json()["error_code"] == "DLI.16001"
        )

    def body(self, values: Config, names: list[str], *, is_new: bool = False) -> dict[str, Any]:
        told = {}
        for each in self.attributes:
            value = self.told(each, values[each.name])
            if each.name in names and (value or not each.omits_zero):
                told[each.wire] = value
        return told

    def told(self, each: Attribute, value: Any) -> Any:
        """Give the value of an attribute as a request has it."""
        if each.name == "runtime_config" and value:
            return json.dumps([{"key": key, "value": text} for key, text in value.items()])
        return value

    def read(self, each: Attribute, value: Any) -> Any:
        """Give the value of an attribute as the state has it."""
        if each.name == "runtime_config":
            return {pair["key"]: pair.get("value", "") for pair in json.loads(value or "[]")}
        return each.kind() if value is None else value

    def names_while_running(self, values: Config, changed: set[str]) -> list[str]:
        raise NotImplementedError

    def stops_with_savepoint(self, values: Config) -> bool:
        raise NotImplementedError

    def _after_creation(self, values: Config) -> None:
        pass

    def _values(self, config: Config) -> dict[str, Any]:
        """Say what is wanted: what the configuration says, else what it is, if that is computed, or the default."""
        wanted = {
            each.name: config.get(
                each.name, self.state.get(each.name, each.default) if each.is_computed else each.default
            )
            for each in self.attributes
        }
        return {**wanted, "tags": config.get("tags", {})}

    def _authorize(self, values: Config) -> None:
        if values["obs_bucket"]:
            self._succeeds("POST", "v1.0/{p}/dli/obs-authorize", {"obs_buckets": [values["obs_bucket"]]})

    def _restart(self, values: Config) -> None:
        if self._stop(trigger_savepoint=self.stops_with_savepoint(values)):
            self._wait(BEFORE_STOPPED, ("job_init", "job_cancel_success"))
        names = [each.name for each in self.attributes if each.name not in self.never_on_update]
        self._succeeds("PUT", f"{self.path}/{self.id}", self.body(values, names))
        self._run(resume=values["resume_checkpoint"])

    def _stop(self, *, trigger_savepoint: bool) -> bool:
        """Stop the job, and say whether it is to be waited for."""
        _all_succeed(self.client.call("POST", f"{JOB}stop", self._stopping(trigger_savepoint)))
        return True

    def _stopping(self, trigger_savepoint: bool) -> Config:
        return {"job_ids": [self.id], "trigger_savepoint": trigger_savepoint}

    def _run(self, *, resume: bool) -> None:
        _all_succeed(self.client.call("POST", f"{JOB}run", {"job_ids": [self.id], "resume_savepoint": resume}))

    def _change_tags(self, action: str, tags: Mapping[str, str]) -> None:
        told = [{"key": key, **({"value": value} if value else {})} for key, value in tags.items()]
        path = f"v3/{{p}}/dli_flink_job/{self.id}/tags/{action}"
        assert self.client.call("POST", path, {"tags": told}, headers={}, ok=TAGGED) is None

    def _wait(self, pending: tuple[str, ...], wanted: tuple[str, ...]) -> None:
        self.settle(self.id)
        deadline = time.monotonic() + self.patience_s
        while (status := self._status()) not in wanted:
            assert status in pending
            assert time.monotonic() < deadline, status
            time.sleep(0.2)

    def _status(self) -> str:
        return str(self.client.call("GET", f"{JOB}{self.id}")["job_detail"]["status"])

    def _succeeds(self, method: str, path: str, body: object = None) -> Any:
        answer = self.client.call(method, path, body, headers=LANGUAGE)
        assert answer["is_success"] == "true"  # text: the client's type is a quoted boolean
        return answer


class SqlJob(JobResource):
    path = "v1.0/{p}/streaming/sql-jobs"
    while_running = WHILE_RUNNING
    never_on_update = ("type", "execution_agency_urn", *WHILE_RUNNING)
    attributes = (
        *SHARED,
        attribute("flink_version"),
        attribute("type", "job_type", default="flink_sql_job", top=True),
        attribute("run_mode", default="shared_cluster", top=True),
        attribute("sql", "sql_body", top=True),
        attribute("cu_number", kind=int, default=2),
        attribute("parallel_number", kind=int, default=1),
        attribute("checkpoint_mode", default="exactly_once"),
        attribute("checkpoint_interval", kind=int, default=10),
        attribute("idle_state_retention", kind=int, default=1),
        attribute("dirty_data_strategy", default="0"),
        attribute("udf_jar_url", computed=True),
        attribute("manager_cu_number", kind=int, default=1),
        attribute("tm_cus", kind=int, default=1),
        attribute("operator_config", omits_zero=False),
        attribute("static_estimator_config", omits_zero=False),
        attribute("execution_agency_urn", computed=True),
    )

    def body(self, values: Config, names: list[str], *, is_new: bool = False) -> dict[str, Any]:
        """Every update tells the two configurations, and a creation neither."""
        estimates = {"operator_config", "static_estimator_config"}
        told = super().body(values, names)
        if is_new:
            return {wire: value for wire, value in told.items() if wire not in estimates}
        return dict.fromkeys(estimates, "") | told

    def told(self, each: Attribute, value: Any) -> Any:
        if each.name == "checkpoint_mode":
            return 2 if value == "at_least_once" else 1
        return super().told(each, value)

    def names_while_running(self, values: Config, changed: set[str]) -> list[str]:
        return [*WHILE_RUNNING]

    def stops_with_savepoint(self, values: Config) -> bool:
        return False

    def _after_creation(self, values: Config) -> None:
        names = ["operator_config", "static_estimator_config"]
        if any(values[name] for name in names):
            self._succeeds("PUT", f"{self.path}/{self.id}", self.body(values, names))


class JarJob(JobResource):
    path = "v1.0/{p}/streaming/flink-jobs"
    while_running = (*WHILE_RUNNING, "checkpoint_path")
    never_on_update = while_running
    attributes = (
        *SHARED,
        attribute("main_class", top=True),
        attribute("entrypoint"),
        attribute("entrypoint_args", top=True),
        attribute("dependency_jars", kind=list),
        attribute("dependency_files", kind=list),
        attribute("feature", computed=True),
        attribute("flink_version", computed=True),
        attribute("image"),
        attribute("cu_num", "cu_number", kind=int, default=2),
        attribute("parallel_num", "parallel_number", kind=int, computed=True, omits_zero=True),
        attribute("manager_cu_num", "manager_cu_number", kind=int, computed=True, omits_zero=True),
        attribute("tm_cu_num", "tm_cus", kind=int, computed=True, omits_zero=True),
        attribute("checkpoint_path", computed=True),
        attribute("checkpoint_mode", kind=int, computed=True, omits_zero=True),
        attribute("checkpoint_interval", kind=int, computed=True, omits_zero=True),
        attribute("execution_agency_urn"),
        attribute("resource_config_version", computed=True),
        attribute("resource_config", kind=dict, computed=True),
    )

    def read(self, each: Attribute, value: Any) -> Any:
        if each.name == "checkpoint_mode":
            return {"exactly_once": 1, "at_least_once": 2}.get(value, 0)
        return super().read(each, value)

    def names_while_running(self, values: Config, changed: set[str]) -> list[str]:
        return list(self._names_while_running(values, changed))

    def stops_with_savepoint(self, values: Config) -> bool:
        return bool(values["resume_checkpoint"])

    def _stop(self, *, trigger_savepoint: bool) -> bool:
        """Where SQL jobs fail, a jar job that does not run is changed all the same."""
        return self.client.send("POST", f"{JOB}stop", self._stopping(trigger_savepoint)).status_code == 200

    @staticmethod
    def _names_while_running(values: Config, changed: set[str]) -> Iterator[str]:
        yield from ("smn_topic", "restart_when_exception", "resume_checkpoint", "resume_max_num")
        if "obs_bucket" in changed:
            yield "obs_bucket"
        if values["resume_checkpoint"] and not values["checkpoint_enabled"]:
            yield "checkpoint_path"


_TYPES: Mapping[type, str] = {
    int: "job_id create_time start_time update_time",
    str: "name desc job_type status status_desc user_id queue_name project_id sql_body run_mode main_class "
    "entrypoint_args execution_graph feature flink_version image",
    dict: "job_config",
}
_CONFIG_TYPES: Mapping[type, str] = {
    int: "checkpoint_interval root_id manager_cu_number cu_number parallel_number idle_state_retention "
    "executor_number executor_cu_number tm_cus tm_slot_num resume_max_num",
    bool: "checkpoint_enabled log_enabled restart_when_exception resume_checkpoint",
    str: "checkpoint_mode obs_bucket smn_topic udf_jar_url dirty_data_strategy entrypoint checkpoint_path feature "
    "flink_version image operator_config static_estimator_config execution_agency_urn resource_config_version "
    "runtime_config",
    list: "edge_group_ids dependency_jars dependency_files",
    dict: "resource_config",
}


def _all_succeed(outcomes: list[Config]) -> None:
    assert [each["is_success"] for each in outcomes] == ["true"] * len(outcomes)


def _decodes(detail: Config, config: Config) -> None:
    """Check that Go can decode it: a value of another type is an error there, null or none is the type's zero."""
    for told, types in ((detail, _TYPES), (config, _CONFIG_TYPES)):
        for kind, names in types.items():
            for name in names.split():
                assert told.get(name) is None or type(told[name]) is kind, (name, told[name])


def _at(detail: Any, each: Attribute) -> Any:
    for step in each.place.split("."):
        detail = detail[step]
    return detail
