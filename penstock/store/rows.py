"""A job as a row: small values are columns of their own, nested ones are JSON text."""

from dataclasses import fields
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from penstock.domain.job import Execution, JarProgram, Job, JobConfig, Run, Savepoint, SavepointRequest

_NESTED = {
    "config": JobConfig,
    "program": JarProgram | None,
    "run": Run | None,
    "restarts": tuple[int, ...],
    "savepoint": Savepoint | None,
    "execution": Execution | None,
    "savepoint_request": SavepointRequest | None,
}
_COLUMNS = [field.name for field in fields(Job) if field.name not in ("tags", "unreadable")]
"""Tags have a table of their own."""


class _Id(msgspec.Struct):
    id: str


def from_job(job: Job) -> dict[str, Any]:
    """Give the values of the job's row."""
    return {name: _stored(name, getattr(job, name)) for name in _COLUMNS}


def to_job(row: RowMapping, tags: dict[str, str]) -> Job:
    """Make the job of a row; what an older or newer Penstock has written so that it cannot be read has its default.

    A change of such a job leaves that as it is in the row.
    """
    values: dict[str, object] = {name: row[name] for name in _COLUMNS if name not in _NESTED}
    unreadable = []
    for name in _NESTED:
        try:
            values |= _loaded(name, row[name])
        except msgspec.MsgspecError as error:
            unreadable.append(f"{name} ({error})")
    if (run := row["run"]) is not None and "run" not in values:
        values["run"] = Run(msgspec.json.decode(run, type=_Id).id, submit_at=0)  # whose it is stays known
    told = f"this version of Penstock cannot read of its row: {', '.join(unreadable)}" if unreadable else None
    return msgspec.convert({**values, "tags": tags, "unreadable": told}, Job)


def run_id(run: str | None) -> str | None:
    """Give the Flink job id of a stored `run`."""
    return None if run is None else msgspec.json.decode(run, type=_Id).id


def _stored(name: str, value: object) -> object:
    if name not in _NESTED:
        return value.value if isinstance(value, Enum) else value
    return None if value is None else msgspec.json.encode(value).decode()


def _loaded(name: str, value: str | None) -> dict[str, object]:
    return {name: None if value is None else msgspec.json.decode(value, type=_NESTED[name])}
