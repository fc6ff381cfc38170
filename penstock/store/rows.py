"""A job as a row: small values are columns of their own, nested ones are JSON text."""

from dataclasses import fields
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from penstock.domain.job import JarProgram, Job, JobConfig, Run, Savepoint, SavepointRequest

_NESTED = {
    "config": JobConfig,
    "program": JarProgram | None,
    "run": Run | None,
    "restarts": tuple[int, ...],
    "savepoint": Savepoint | None,
    "savepoint_request": SavepointRequest | None,
}
_COLUMNS = [field.name for field in fields(Job) if field.name != "tags"]  # tags have a table of their own


def from_job(job: Job) -> dict[str, Any]:
    """Give the values of the job's row."""
    return {name: _stored(name, getattr(job, name)) for name in _COLUMNS}


def to_job(row: RowMapping, tags: dict[str, str]) -> Job:
    """Make the job of a row."""
    values = {name: _loaded(name, row[name]) for name in _COLUMNS}
    return msgspec.convert({**values, "tags": tags}, Job)


def run_id(run: str | None) -> str | None:
    """Give the Flink job id of a stored `run`."""
    return None if run is None else msgspec.json.decode(run, type=Run).id


def _stored(name: str, value: object) -> object:
    if name not in _NESTED:
        return value.value if isinstance(value, Enum) else value
    return None if value is None else msgspec.json.encode(value).decode()


def _loaded(name: str, value: Any) -> object:
    if name not in _NESTED or value is None:
        return value
    return msgspec.json.decode(value, type=_NESTED[name])
