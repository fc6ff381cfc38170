"""Addresses in the project's buckets: `obs://bucket/key/`, as we store them; users may write `s3://` too."""

import ipaddress
import re
from datetime import UTC, datetime

from penstock.domain.errors import Invalid
from penstock.domain.job import Job

BUILT_IN = "penstock"
"""The bucket that takes the state of jobs that name none (`obs_bucket`)."""

CLIENT_LOG = "submit-client.log"
"""What was said of the submissions of a run that failed."""

_SCHEME = "obs://"
_EITHER_SCHEME = re.compile("(?:obs|s3)://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse(address: str) -> str:
    """Return `bucket/dir/` or `obs://bucket/dir/` as `obs://bucket/dir/`; raises `Invalid`."""
    bucket, parts = split(address)
    return _SCHEME + "/".join((bucket, *parts, ""))


def split(address: str) -> tuple[str, tuple[str, ...]]:
    """Take an address apart into its bucket and the folders below it; raises `Invalid`."""
    scheme = _EITHER_SCHEME.match(address)
    bucket, *parts = address[scheme.end() if scheme else 0 :].rstrip("/").split("/")
    check_name(bucket)
    if _CONTROL.search(address) or any(part in ("", ".", "..") for part in parts):
        raise Invalid(f"{address!r} is not an address: obs://bucket/folder/ or bucket/folder/, without . and ..")
    return bucket, tuple(parts)


def check_name(bucket: str) -> str:
    """Return the name of a bucket; raises `Invalid` for one that OBS does not allow."""
    if not _BUCKET.fullmatch(bucket) or re.search(r"\.[.-]|-\.", bucket) or _is_ip(bucket):
        raise Invalid(
            f"{bucket!r} is not a bucket name: 3 to 63 lower-case letters, digits, hyphens and single dots, "
            "a letter or digit at both ends, and not an IP address"
        )
    return bucket


def unknown(name: str) -> str:
    """Say that there is no such bucket, or none for the project that asks: which one nobody is told."""
    return f"there is no bucket {name!r}: the storage map does not name it"


def checkpoint_path(job: Job) -> str:
    """Where Flink keeps the job's checkpoints, in a folder per run (`checkpoint_path`; DLI: create jar job)."""
    if job.config.checkpoint_path:
        return parse(job.config.checkpoint_path)
    return parse(f"{job.config.bucket or BUILT_IN}/jobs/checkpoint/{job.id}")


def savepoint_path(job: Job, now: int) -> str:
    """Where a savepoint asked for at `now` goes when the caller names no place (DLI: trigger savepoint)."""
    when = datetime.fromtimestamp(now / 1000, UTC)
    return parse(f"{job.config.bucket or BUILT_IN}/jobs/savepoint/{job.id}/{when:%Y-%m-%d_%H-%M-%S}")


def log_path(job: Job, run_id: str, name: str) -> str:
    """Where a copy of a log of a run goes (DLI: streaming job logs); that of the client has no run of Flink yet."""
    folder = parse(f"{job.config.bucket or BUILT_IN}/jobs/logs/{job.id}")
    return f"{folder}submit-client/{run_id}.log" if name == CLIENT_LOG else f"{folder}application_{run_id}/{name}"


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
