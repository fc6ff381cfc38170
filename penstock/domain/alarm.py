"""Alarms: which change of a job calls for one, what it says, where it goes, and when it is tried again."""

import re
from datetime import UTC, datetime

from penstock.domain.errors import Invalid
from penstock.domain.job import Goal, Job, Status

PATIENCE_MS = 60_000
"""How long whoever asks for a run is taken to watch it: what fails later calls for an alarm."""
FIRST_RETRY_MS = 60_000
LONGEST_WAIT_MS = 3_600_000
GIVE_UP_AFTER_MS = 24 * 3_600_000

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,254}", re.IGNORECASE | re.ASCII)
_REASON_LENGTH = 1_000
"""Chat services refuse long messages."""


def is_called_for(before: Job, after: Job, at: int) -> bool:
    """Say whether a change is one that the job's topic must hear of (DLI: `smn_topic`, abnormal end)."""
    if not after.config.alarm_topic or after.deleted_at is not None or after.status is before.status:
        return False
    match after.status:
        case Status.EXCEPTION:
            return True
        case Status.SUBMIT_FAILED:
            return _was_sent_again(before) or at - (before.requested_at or at) > PATIENCE_MS
        case Status.CANCEL_FAILED:
            return before.goal is not Goal.WATCH  # it is back from a savepoint, and the stop failed long ago
        case _:
            return False


def _was_sent_again(job: Job) -> bool:
    return job.run is not None and (job.run.attempts > 1 or job.run.lost > 0)


def title(job: Job) -> str:
    return f"Penstock job {job.id} ({job.name}): {job.status}"


def body(job: Job, project: str, at: int) -> str:
    """Tell what has become of the job; `project` is the name of its project."""
    lines = {
        "job": f"{job.id} ({job.name})",
        "project": f"{project} ({job.project_id})",
        "status": job.status.value,
        "reason": job.reason[:_REASON_LENGTH] or "unknown",
        "time": f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC",
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def topic_of(setting: str) -> str:
    """Give the name in a job's setting, a name or a URN (`urn:smn:region:project:name`), with nothing odd in it.

    What is no name of a topic becomes another one that is none, so that it can be stored and told of.
    """
    name = setting.rpartition(":")[2] if setting.startswith("urn:smn:") else setting
    return re.sub(r"[^ -~]", "?", name)[:256]


def check_topic_name(name: str) -> None:
    """Raise `Invalid` unless a topic can be called so (SMN: create topic)."""
    if not _NAME.fullmatch(name):
        raise Invalid("a topic's name has 1 to 255 letters, digits, - and _, and begins with a letter or digit")


def next_try(created_at: int, attempts: int, now: int) -> int | None:
    """Say when to try again after so many attempts; None: no more."""
    due_at = now + min(FIRST_RETRY_MS * 2 ** min(attempts - 1, 10), LONGEST_WAIT_MS)
    return due_at if due_at - created_at <= GIVE_UP_AFTER_MS else None
