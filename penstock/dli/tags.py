"""Tags on the wire, of whatever carries them: shown, added, removed, and searched by (DLI: tag APIs)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.dli import jobs
from penstock.dli.drafts import Tag, TagKey, TagValue
from penstock.dli.pages import PageQuery
from penstock.domain import tags
from penstock.domain.tags import Search, Tagged

_Tags = Annotated[list[Tag], Meta(min_length=1, max_length=jobs.MOST_TAGS)]


class ChangeBody(msgspec.Struct):
    tags: _Tags
    """Of a removal the keys alone count."""


class WantedTag(msgspec.Struct):
    key: TagKey
    values: Annotated[list[TagValue], Meta(max_length=100)] = []
    """One of these; any, if there are none."""


class Match(msgspec.Struct):
    key: Literal["resource_name"]
    value: Annotated[str, Meta(max_length=255)] = ""
    """A part of the name."""


class SearchBody(msgspec.Struct):
    without_any_tag: bool = False
    """Looks for what has no tags, and asks for none of `tags`."""
    tags: Annotated[list[WantedTag], Meta(max_length=jobs.MOST_TAGS)] = []
    matches: Annotated[list[Match], Meta(max_length=1)] = []

    def search(self) -> Search:
        return Search(
            tags={wanted.key: wanted.values for wanted in self.tags},
            is_bare=self.without_any_tag,
            name_part=self.matches[0].value if self.matches else "",
        )


class Shown(msgspec.Struct):
    """The tags of one thing."""

    tags: Sequence[Tag]
    count: int
    sys_tags: Sequence[Tag] = ()


class TagValues(msgspec.Struct):
    key: str
    values: Sequence[str]


class All(msgspec.Struct):
    """The tags of all things of a kind."""

    tags: Sequence[TagValues]
    count: int


class Resource(msgspec.Struct):
    resource_id: str
    resource_name: str
    tags: Sequence[Tag]
    resource_detail: None = None


class Found(msgspec.Struct):
    resources: Sequence[Resource]
    total_count: int


class Count(msgspec.Struct):
    total_count: int


def shown(carried: Mapping[str, str], page: PageQuery) -> Shown:
    told = told_as(carried)
    return Shown(page.cut(told), len(told))


def all_of(things: Iterable[Tagged], page: PageQuery) -> All:
    told = [TagValues(key, values) for key, values in tags.values_by_key(things).items()]
    return All(page.cut(told), len(told))


def found(things: Sequence[Tagged], page: PageQuery) -> Found:
    told = [Resource(each.id, each.name, told_as(each.tags)) for each in page.cut(things)]
    return Found(told, len(things))


def told_as(carried: Mapping[str, str]) -> list[Tag]:
    return [Tag(key, value) for key, value in sorted(carried.items())]
