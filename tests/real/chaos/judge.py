"""What must hold, and for how long it did not: pure functions of the list and Flink, seen side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

_AT_REST = {"job_init", "job_submit_fail", "job_running_exception", "job_cancel_success", "job_finish"}
_OVER = {"FINISHED", "FAILED", "CANCELED", "CANCELLING", "FAILING", "SUSPENDED"}


@dataclass(frozen=True)
class FlinkJob:
    name: str
    state: str
    all_running: bool
    """Every task runs, or has finished."""

    @property
    def is_live(self) -> bool:
        """Say whether it works, or is going to."""
        return self.state not in _OVER


@dataclass(frozen=True)
class Sample:
    """The list, and right after it all of Flink; None is a side that did not answer."""

    at: float
    rows: Mapping[str, str] | None
    """Statuses, by the names of the jobs."""
    flink: Sequence[FlinkJob] | None

    def live(self, name: str) -> list[FlinkJob]:
        return [job for job in self.flink or () if job.name == name and job.is_live]


class Wrong(StrEnum):
    LOST = "lost"
    """A job that was to run is at rest."""
    DOUBLED = "doubled"
    """Two live Flink jobs of one row."""
    ORPHANED = "orphaned"
    """A live Flink job that no row admits to."""
    STUCK = "stuck"
    """It has not come back in time after a fault."""
    MISCOUNTED = "miscounted"
    """Its lines are not what they must be."""
    FALSE = "false"
    """A status that is not Flink's, for longer than it takes to notice and repair."""


@dataclass(frozen=True)
class Limits:
    """How long each may be seen, in seconds, while both sides answer."""

    doubled_s: float = 3
    """A submission that a paused JobManager held back lands when it goes on, and is cancelled on sight."""
    false_s: float = 60
    """The poll interval, the grace after which a job counts as lost, the delay of its restart, and the restart."""

    def of(self, wrong: Wrong) -> float:
        return self.false_s if wrong is Wrong.FALSE else self.doubled_s


@dataclass(frozen=True)
class Spell:
    """Something was wrong with one job, from the first to the last sample that showed it."""

    wrong: Wrong
    job: str
    since: float
    until: float

    @property
    def seconds(self) -> float:
        return self.until - self.since


def spells(samples: Iterable[Sample]) -> list[Spell]:
    """Say what was wrong and when; a sample with a side missing ends every spell: nobody can know better then."""
    open_now: dict[tuple[Wrong, str], Spell] = {}
    closed: list[Spell] = []
    for sample in samples:
        found = _wrong_in(sample)
        closed += [spell for key, spell in open_now.items() if key not in found]
        since = {key: open_now[key].since if key in open_now else sample.at for key in found}
        open_now = {key: Spell(*key, since[key], sample.at) for key in found}
    return closed + list(open_now.values())


def broken(samples: Iterable[Sample], limits: Limits) -> list[Spell]:
    """Give the spells that took too long."""
    return [spell for spell in spells(samples) if spell.seconds > limits.of(spell.wrong)]


def unwell(sample: Sample, names: Iterable[str]) -> list[str]:
    """Name the jobs that are not both shown as running and running with all tasks, nor at rest."""
    if sample.rows is None or sample.flink is None:
        return list(names)
    wrong = {name for _, name in _wrong_in(sample)}
    return [name for name in names if name in wrong or not _is_well(sample.rows.get(name), sample.live(name))]


def _is_well(status: str | None, live: Sequence[FlinkJob]) -> bool:
    return is_at_rest(status) or (status == "job_running" and all(job.all_running for job in live))


def is_at_rest(status: str | None) -> bool:
    """Say whether nothing of the job may live in Flink; a row that is gone is at rest too."""
    return status is None or status in _AT_REST


def _wrong_in(sample: Sample) -> set[tuple[Wrong, str]]:
    if sample.rows is None or sample.flink is None:
        return set()
    names = sample.rows.keys() | {job.name for job in sample.flink}
    judged = {name: _wrong_with(sample.rows.get(name), sample.live(name)) for name in names}
    return {(wrong, name) for name, wrong in judged.items() if wrong}


def _wrong_with(status: str | None, live: Sequence[FlinkJob]) -> Wrong | None:
    if len(live) > 1:
        return Wrong.DOUBLED
    if live and is_at_rest(status):
        return Wrong.ORPHANED
    unseen = status == "job_running" and not live
    unsaid = status == "job_submitting" and any(job.all_running for job in live)
    return Wrong.FALSE if unseen or unsaid else None
