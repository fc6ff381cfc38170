"""Queues on the wire: create, list, show, change, delete (DLI: queue APIs), with what only Penstock has of them.

`is_success` is a JSON boolean here, other than with jobs. What decides nothing (`platform`, `feature`, tags, …) is
kept and shown as it came, so that Terraform finds what it has set.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import httpx
import msgspec
from msgspec import Meta

from penstock.dli import drafts, encoding, jobs, queue_properties
from penstock.dli.config import Address, AtLeastZero, Word
from penstock.dli.drafts import Tag
from penstock.dli.queue_properties import Properties
from penstock.domain import lines
from penstock.domain.errors import Invalid, NotAllowed
from penstock.domain.queue import Isolation, Queue

MOST_CUS = 100_000
MOST_SLOTS = 1000
_INT32 = 2**31 - 1
_ADDRESS = re.compile(r"https?://(?:(?![?#\\])[!-~])+")
_NAME = re.compile(r"(?!_)(?![0-9]+$)[a-z0-9_]{1,128}")

Cus = Annotated[int, Meta(ge=1, le=MOST_CUS)]
Size = Annotated[int, Meta(ge=1, le=_INT32)]


class OwnSettings(msgspec.Struct):
    """`penstock` in the body of a creation."""

    isolation: Isolation = Isolation.SESSION
    slots: Annotated[int, Meta(ge=1, le=MOST_SLOTS)] | None = None
    """Of the cluster that the service starts; unless given, one for each CU, as far as a cluster can have them."""
    rest_url: Address | None = None


class Traits(msgspec.Struct, kw_only=True):
    """What is shown as it came; the defaults are DLI's, or what its clients read as not set."""

    queue_type: Literal["sql", "general"] = "sql"
    charging_mode: AtLeastZero = 1
    enterprise_project_id: Word = "0"
    platform: Word = "x86_64"
    resource_mode: Annotated[int, Meta(ge=0, le=1)] = 0
    feature: Word = ""
    labels: Annotated[list[Word], Meta(max_length=jobs.MOST_TAGS)] = []
    tags: Annotated[list[Tag], Meta(max_length=jobs.MOST_TAGS)] = []
    elastic_resource_pool_name: Word | None = None
    engine: Word | None = None
    properties: Properties = {}


class CreateBody(Traits, kw_only=True):
    queue_name: str
    cu_count: Cus
    description: Word = ""
    penstock: OwnSettings = msgspec.field(default_factory=OwnSettings)


class ActionBody(msgspec.Struct):
    action: Literal["restart", "scale_out", "scale_in"]
    cu_count: Cus | None = None
    """How many CUs more, or fewer."""


class ListQuery(msgspec.Struct, kw_only=True, rename={"page_size": "page-size", "current_page": "current-page"}):
    queue_type: Literal["sql", "general", "all"] = "sql"
    tags: str = ""
    order: Literal["queue_name_asc", "queue_name_desc", "cu_asc", "cu_desc"] = "queue_name_asc"
    page_size: Size = _INT32
    current_page: Size = 1
    limit: Size = _INT32
    offset: Annotated[int, Meta(ge=0, le=_INT32)] = 0

    def page(self, queues: Sequence[Queue]) -> list[Queue]:
        """Choose the queues to show, in their order; raises `Invalid`."""
        tags = jobs.read_tags(self.tags).items()
        chosen = [queue for queue in queues if self._has_type(queue) and tags <= tags_of(queue).items()]
        by_cus, descending = self.order.startswith("cu_"), self.order.endswith("_desc")
        chosen.sort(key=lambda queue: (queue.cus if by_cus else 0, queue.name), reverse=descending)
        start = self.offset + (self.current_page - 1) * self.page_size
        return chosen[start : start + min(self.page_size, self.limit)]

    def _has_type(self, queue: Queue) -> bool:
        return self.queue_type in ("all", traits(queue).queue_type)


@dataclass(frozen=True)
class State:
    """What is known of a queue at present."""

    used_cus: int
    where: str | None
    """The host of its cluster, or the address of an external one; None before it has one."""
    not_ready: str | None
    flink_line: str | None
    """That of jobs that name no version; None: Flink says it, not we."""


class Own(msgspec.Struct):
    """`penstock` in an answer."""

    isolation: str
    slots: int
    """0: they are not the queue's to say."""
    rest_url: str | None
    where: str | None
    ready: bool
    not_ready: str | None
    flink_versions: Mapping[str, str] = msgspec.field(default_factory=dict)
    """By version that a job can name, the line that runs it; empty where others keep the cluster."""


class Shown(msgspec.Struct, kw_only=True):
    """A queue of a list."""

    queue_id: int
    queue_name: str
    description: str
    owner: str
    create_time: int
    queue_type: str
    cu_count: int
    used_cu: float
    charging_mode: int
    resource_id: str
    enterprise_project_id: str
    resource_mode: int
    platform: str
    is_restarting: bool = False
    labels: str | None
    feature: str
    cu_spec: int
    elastic_resource_pool_name: str | None
    engine: str | None
    default_flink_sql_version: str | None
    support_flink_sql_versions: Sequence[str]
    support_flink_jar_versions: Sequence[str]
    support_opensource_flink_versions: Sequence[str]
    penstock: Own


class ShownAlone(Shown, kw_only=True):
    """One that is shown alone: four of its fields have other names there, and have these too."""

    is_success: bool = True
    message: str = ""
    name: str = msgspec.field(name="queueName")
    type: str = msgspec.field(name="queueType")
    cus: int = msgspec.field(name="cuCount")
    charging: int = msgspec.field(name="chargingMode")


class QueueList(msgspec.Struct):
    queues: list[Shown]
    is_success: bool = True
    message: str = ""


class Done(msgspec.Struct):
    message: str
    queue_name: str
    is_success: bool = True


def draft(body: CreateBody, project_id: str, user_name: str) -> Queue:
    """Make the queue that was asked for; raises `Invalid`."""
    name, own = body.queue_name.lower(), body.penstock
    if not _NAME.fullmatch(name):
        raise Invalid(
            "queue_name must be 1 to 128 digits, letters and underscores, not digits alone, "
            "and not begin with an underscore"
        )
    _check_together(own)
    is_sized = own.isolation is Isolation.SESSION and own.rest_url is None
    drafts.tags(body.tags)
    given = msgspec.to_builtins(body) | {"properties": queue_properties.read(body.properties)}
    return Queue(
        name=name,
        cus=body.cu_count,
        slots=(own.slots or min(body.cu_count, MOST_SLOTS)) if is_sized else 0,
        project_id=project_id,
        isolation=own.isolation,
        rest_url=own.rest_url,
        description=body.description,
        user_name=user_name,
        traits={name: given[name] for name in Traits.__struct_fields__},
    )


def resized(queue: Queue, body: ActionBody) -> Queue:
    """Give the queue its new size; raises `Invalid` or `NotAllowed`."""
    if body.action == "restart":
        raise NotAllowed("a queue cannot be restarted; stop its jobs and run them again")
    if body.cu_count is None:
        raise Invalid(f"cu_count must say how many CUs to {body.action}")
    cus = queue.cus + (body.cu_count if body.action == "scale_out" else -body.cu_count)
    if not 1 <= cus <= MOST_CUS:
        raise Invalid(f"cu_count must leave the queue, which has {queue.cus} CUs, between 1 and {MOST_CUS}")
    return replace(queue, cus=cus)


def listed(queue: Queue, state: State) -> Shown:
    return Shown(**_fields(queue, state))


def shown(queue: Queue, state: State) -> ShownAlone:
    given = traits(queue)
    return ShownAlone(
        **_fields(queue, state),
        name=queue.name,
        type=given.queue_type,
        cus=queue.cus,
        charging=given.charging_mode,
    )


def traits(queue: Queue) -> Traits:
    return msgspec.convert(queue.traits, Traits)


def _check_together(own: OwnSettings) -> None:
    if own.rest_url is not None:
        _check_address(own.rest_url)
    if own.isolation is Isolation.JOB and (own.rest_url is not None or own.slots is not None):
        raise Invalid("penstock: with isolation job the clusters are started for the jobs: no rest_url, no slots")
    if own.rest_url is not None and own.slots is not None:
        raise Invalid("penstock: slots must not be given with rest_url: Flink says how many there are")


def _check_address(address: str) -> None:
    """Check that it is one, and holds no password: everybody in the project is shown it."""
    try:
        url = httpx.URL(address)
        is_one = _ADDRESS.fullmatch(address) and url.host.encode("idna") and url.port != 0
    except (httpx.InvalidURL, ValueError):
        is_one = False
    if not is_one:
        raise Invalid("penstock.rest_url must be the http or https address of a Flink cluster's REST API")
    if url.userinfo:
        raise Invalid("penstock.rest_url must not hold a user or password")


def _fields(queue: Queue, state: State) -> dict[str, Any]:
    given = traits(queue)
    versions = lines.VERSIONS if state.flink_line else ()
    own = Own(
        isolation=queue.isolation.value,
        slots=queue.slots,
        rest_url=queue.rest_url,
        where=state.where,
        ready=state.not_ready is None,
        not_ready=state.not_ready,
        flink_versions={each: lines.line_of(each, "") for each in versions},
    )
    return {
        "queue_id": queue.id,
        "queue_name": queue.name,
        "description": queue.description,
        "owner": queue.user_name,
        "create_time": queue.created_at,
        "queue_type": given.queue_type,
        "cu_count": queue.cus,
        "used_cu": float(state.used_cus),
        "charging_mode": given.charging_mode,
        "resource_id": str(queue.id),
        "enterprise_project_id": given.enterprise_project_id,
        "resource_mode": given.resource_mode,
        "platform": given.platform,
        "labels": encoding.write(given.labels).decode() if given.labels else None,
        "feature": given.feature,
        "cu_spec": queue.cus,
        "elastic_resource_pool_name": given.elastic_resource_pool_name,
        "engine": given.engine,
        "default_flink_sql_version": state.flink_line,
        "support_flink_sql_versions": versions,
        "support_flink_jar_versions": versions,
        "support_opensource_flink_versions": versions,
        "penstock": own,
    }


def tags_of(queue: Queue) -> dict[str, str]:
    return {tag.key: tag.value for tag in traits(queue).tags}


def properties_of(queue: Queue) -> dict[str, str]:
    return {key: str(value) for key, value in traits(queue).properties.items()}


def with_traits(queue: Queue, **changed: object) -> Mapping[str, object]:
    """Give its traits with these in place of the old."""
    told: dict[str, object] = msgspec.to_builtins({**queue.traits, **changed})
    return told
