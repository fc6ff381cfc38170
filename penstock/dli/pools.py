"""Elastic resource pools on the wire: there are none, and the name of one is kept with a queue (DLI: pools)."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.dli import queues
from penstock.dli.pages import PageQuery
from penstock.domain.queue import Queue


class ListQuery(PageQuery, kw_only=True):
    queue_name: str = ""
    """A part of the name."""


class JoinBody(msgspec.Struct):
    queue_name: Annotated[str, Meta(min_length=1, max_length=128)]


class Member(msgspec.Struct):
    queue_name: str
    enterprise_project_id: str
    queue_type: str
    owner: str
    create_time: int
    engine: str | None
    queue_scaling_policies: Sequence[object] = ()
    """Always empty: the size of a queue is changed by *action* alone."""


class List(msgspec.Struct):
    """No other list must be in it: the Go client reads the first that it finds."""

    queues: Sequence[Member]
    count: int
    is_success: bool = True
    message: str = ""


def listed(pool: str, visible: Iterable[Queue], query: ListQuery) -> List:
    members = [each for each in visible if queues.traits(each).elastic_resource_pool_name == pool]
    wanted = [_member(each) for each in members if query.queue_name.lower() in each.name]
    return List(query.cut(wanted), len(wanted))


def _member(queue: Queue) -> Member:
    given = queues.traits(queue)
    return Member(
        queue_name=queue.name,
        enterprise_project_id=given.enterprise_project_id,
        queue_type=given.queue_type,
        owner=queue.user_name,
        create_time=queue.created_at,
        engine=given.engine,
    )
