"""Properties of a queue on the wire, kept and shown as they came (DLI: queue properties).

All of them are about Spark, which no queue here runs; Terraform compares what it has set.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.dli.config import Word
from penstock.dli.pages import PageQuery
from penstock.domain.errors import Invalid, NotAllowed

KEYS = (
    "computeEngine.maxInstance",
    "computeEngine.maxPrefetchInstance",
    "computeEngine.spark.nativeEnabled",
    "job.maxConcurrent",
    "job.saveJobResultToJobBucket",
)
_CIDR = "network.cidrInVpc"
MOST_CHARACTERS = 512

Properties = Annotated[dict[str, object], Meta(max_length=100)]
"""Values by key: texts, numbers or booleans."""


class PutBody(msgspec.Struct):
    properties: Properties


class DeleteBody(msgspec.Struct):
    keys: Annotated[list[Word], Meta(max_length=100)]


class Property(msgspec.Struct):
    key: str
    value: str


class List(msgspec.Struct):
    """No other list must be in it: the Go client reads the first that it finds."""

    properties: Sequence[Property]
    is_success: bool = True
    message: str = ""


def read(given: Mapping[str, object]) -> dict[str, str]:
    """Give the properties as texts; raises `Invalid` or `NotAllowed`."""
    if given.get(_CIDR) is not None:
        raise NotAllowed(f"properties: {_CIDR} is not supported: queues have no network of their own")
    if given.keys() - {*KEYS, _CIDR}:
        raise Invalid(f"properties must have no other keys than {', '.join(KEYS)}")
    return {key: _text(key, value) for key, value in given.items() if value is not None}


def listed(properties: Mapping[str, str], page: PageQuery) -> List:
    return List(page.cut([Property(key, value) for key, value in sorted(properties.items())]))


def _text(key: str, value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str() if len(value) <= MOST_CHARACTERS:
            return value
    raise Invalid(
        f"properties: {key} must be a text of at most {MOST_CHARACTERS} characters, a number or a boolean"
    )
