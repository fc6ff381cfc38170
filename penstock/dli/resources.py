"""Packages on the wire, which DLI calls resources (DLI: upload package group, list packages)."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.dli.config import Address
from penstock.dli.drafts import Tags
from penstock.dli.jobs import read_tags
from penstock.domain.package import Kind, Name, Package

Word = Annotated[str, Meta(max_length=128)]
READY = "READY"


class UploadBody(msgspec.Struct, kw_only=True):
    paths: Annotated[list[Address], Meta(min_length=1, max_length=100)]
    kind: Kind | None = None
    """The calls that have it in their path leave it out; else the names of the files say it."""
    group: Word = ""
    is_async: bool = False
    """Echoed: packages are ready when the call answers."""
    tags: Tags | None = None


class OwnerBody(msgspec.Struct, kw_only=True):
    new_owner: Annotated[str, Meta(min_length=1, max_length=128)]
    group_name: Word = ""
    resource_name: Word = ""


class ListQuery(msgspec.Struct):
    kind: Kind | None = None
    tags: str | None = None

    def chosen(self, packages: Iterable[Package]) -> list[Package]:
        tags = read_tags(self.tags or "").items()
        return [each for each in packages if self.kind in (None, each.kind) and tags <= each.tags.items()]


class OneQuery(msgspec.Struct):
    group: Word = ""


class Shown(msgspec.Struct):
    """A package. `group_name`, `size` and `sha256` are not DLI's."""

    create_time: int
    update_time: int
    resource_type: str
    resource_name: str
    status: str
    underlying_name: str
    owner: str
    group_name: str
    size: int
    sha256: str
    is_async: bool = False


class Group(msgspec.Struct):
    group_name: str
    status: str
    resources: Sequence[str]
    details: Sequence[Shown]
    create_time: int
    update_time: int
    owner: str
    is_async: bool = False


class Uploaded(Group):
    """What an upload has made; the last three are of the calls that have the kind in their path."""

    resource_names: Sequence[str] = ()
    """Read by Terraform."""
    description: str = ""
    module_name: str = ""
    module_type: str = ""


class List(msgspec.Struct):
    resources: Sequence[Shown]
    groups: Sequence[Group]
    total: int
    modules: Sequence[object] = ()
    """What DLI itself provides."""


class Done(msgspec.Struct):
    message: str
    is_success: bool = True


class Put(msgspec.Struct, kw_only=True):
    """The answer of the call that takes bytes, which is not DLI's."""

    is_success: Literal["true"] = "true"
    message: str = "Package stored."
    package: Shown


def id_of(name: Name) -> str:
    """Give what stands for a package where tags are concerned; Terraform makes it so."""
    return f"{name.group}#{name.name}" if name.group else name.name


def named(id: str) -> Name:
    group, _, name = id.rpartition("#")
    return Name(group, name)


def shown(package: Package) -> Shown:
    return Shown(
        create_time=package.created_at,
        update_time=package.updated_at,
        resource_type=package.kind.value,
        resource_name=package.name.name,
        status=READY,
        underlying_name=package.source,
        owner=package.owner,
        group_name=package.name.group,
        size=package.size,
        sha256=package.content,
    )


def listed(packages: Sequence[Package]) -> List:
    """Show packages, which come in the order of their groups."""
    by_group = groupby(packages, lambda each: each.name.group)
    groups = [Group(**_group(list(members))) for name, members in by_group if name]
    return List([shown(each) for each in packages], groups, len(packages))


def uploaded(packages: Sequence[Package], body: UploadBody) -> Uploaded:
    fields = _group(packages) | {"is_async": body.is_async}
    names, kind = fields["resources"], packages[0].kind.value
    return Uploaded(**fields, resource_names=names, module_name=fields["group_name"], module_type=kind)


def _group(members: Sequence[Package]) -> dict[str, Any]:
    return {
        "group_name": members[0].name.group,
        "status": READY,
        "resources": [each.name.name for each in members],
        "details": [shown(each) for each in members],
        "create_time": min(each.created_at for each in members),
        "update_time": max(each.updated_at for each in members),
        "owner": members[0].owner,
    }
