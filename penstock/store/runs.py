"""The runs that jobs have had, and the cleaning of their checkpoints.

A run has its folder on record until that is removed, or is to be kept for good.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, update

from penstock.store.schema import JOBS, RUNS

_NEWEST = 100


@dataclass(frozen=True)
class Folder:
    """Where the checkpoints of a run lie."""

    run_id: str
    checkpoints: str
    is_condemned: bool
    """Its removal has begun, and nobody may name it any more."""


@dataclass(frozen=True)
class Owned:
    """A run, and the job that it belongs to."""

    run_id: str
    job_id: int
    recorded_at: int


def owned(tx: Connection, run_ids: Collection[str]) -> list[Owned]:
    """Tell of these runs whose they are; of the ones that no job has, or a deleted one, nothing."""
    query = select(RUNS.c.id, RUNS.c.job_id, RUNS.c.recorded_at).join(JOBS, JOBS.c.id == RUNS.c.job_id)
    query = query.where(RUNS.c.id.in_(run_ids), JOBS.c.deleted_at.is_(None))
    return [Owned(*row) for row in tx.execute(query)]


def of_job(tx: Connection, job_id: int) -> list[Owned]:
    """List the newest runs of a job, the last one first."""
    query = select(RUNS.c.id, RUNS.c.job_id, RUNS.c.recorded_at).where(RUNS.c.job_id == job_id)
    return [Owned(*row) for row in tx.execute(query.order_by(RUNS.c.recorded_at.desc()).limit(_NEWEST))]


def folders(tx: Connection, job_ids: Collection[int]) -> dict[int, list[Folder]]:
    """Give what is on record of these jobs."""
    query = select(RUNS.c.job_id, RUNS.c.id, RUNS.c.checkpoints, RUNS.c.cleaned_at)
    query = query.where(RUNS.c.job_id.in_(job_ids), RUNS.c.checkpoints.is_not(None))
    found: dict[int, list[Folder]] = defaultdict(list)
    for job_id, run_id, checkpoints, cleaned_at in tx.execute(query):
        found[job_id].append(Folder(run_id, checkpoints, cleaned_at is not None))
    return found


def condemn(tx: Connection, run_id: str, now: int) -> bool:
    """Begin to remove a folder; False when it is to be kept."""
    return _change(tx, (RUNS.c.id == run_id, RUNS.c.checkpoints.is_not(None)), cleaned_at=now)


def forget_folder(tx: Connection, run_id: str) -> None:
    """Take a folder off the record that was removed."""
    _change(tx, (RUNS.c.id == run_id,), checkpoints=None)


def keep_folder(tx: Connection, run_id: str) -> bool:
    """Never remove the folder of this run; False when its removal has begun."""
    if _change(tx, (RUNS.c.id == run_id, RUNS.c.cleaned_at.is_(None)), checkpoints=None):
        return True
    return tx.execute(select(RUNS.c.id).where(RUNS.c.id == run_id)).first() is None


def _change(tx: Connection, these: tuple[ColumnElement[bool], ...], **values: object) -> bool:
    return tx.execute(update(RUNS).where(*these).values(values)).rowcount > 0
