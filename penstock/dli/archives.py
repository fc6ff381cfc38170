"""Export and import of jobs on the wire, and what an archive holds (DLI: export Flink jobs, import Flink jobs).

DLI leaves the archive to the service. Here each job is the body of the call that creates one like it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from penstock.dli import config, encoding, jar_jobs, sql_jobs
from penstock.dli.config import Address
from penstock.dli.drafts import DraftBody
from penstock.domain.errors import Invalid
from penstock.domain.job import Job, JobType

VERSION = 1
MOST_JOBS = 10_000
"""In one archive."""
NOT_IMPORTED = -1
"""What stands for the id of the new job that there is not."""


class ExportBody(msgspec.Struct, kw_only=True):
    obs_dir: Address
    is_selected: bool
    """Else all jobs of the project are meant."""
    job_selected: Annotated[list[int], Meta(max_length=MOST_JOBS)] = []

    def selection(self) -> list[int] | None:
        """Give the jobs that are wanted, None for all; raises `Invalid` or `JobNotFound`."""
        if not self.is_selected:
            return None
        if not self.job_selected:
            raise Invalid("job_selected must name at least one job when is_selected is true")
        return [encoding.existing_id(job_id) for job_id in dict.fromkeys(self.job_selected)]


class ImportBody(msgspec.Struct, kw_only=True):
    zip_file: Address
    is_cover: bool = False


class Exported(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str
    zip_file: Sequence[str]


class JobMap(msgspec.Struct):
    old_job_id: int
    new_job_id: int
    remark: str


class Imported(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str
    job_mapping: Sequence[JobMap]


class Manifest(msgspec.Struct):
    """What an archive says of itself."""

    version: int
    exported_at: int
    jobs: int


@dataclass(frozen=True)
class Draft:
    """A job of an archive: the body of a creation, and what lays it over an empty job."""

    body: DraftBody
    fill: Callable[[Job, Any], Job]


def written(job: Job) -> bytes:
    """Write what creates a job with the same settings; whose it is and what became of it is left out."""
    shape = jar_jobs.CreateBody if job.program else sql_jobs.CreateBody
    given: dict[str, object] = {
        "job_type": job.type.value,
        "name": job.name,
        "desc": job.description,
        "queue_name": job.queue,
        "tags": [{"key": key, "value": value} for key, value in job.tags.items()],
        "run_mode": job.run_mode.value,
        "sql_body": job.sql,
        **config.asked(job.config),
    }
    if job.program:
        given |= {
            "entrypoint": job.program.entrypoint,
            "main_class": job.program.main_class,
            "entrypoint_args": job.program.arguments,
            "dependency_jars": job.program.dependency_jars,
            "dependency_files": job.program.dependency_files,
        }
    known = {name: given[name] for name in shape.__struct_fields__ if given.get(name) is not None}
    return msgspec.json.format(encoding.write(known), indent=2)


def read(content: bytes) -> Draft:
    """Read a job of an archive; raises `Invalid`."""
    given = encoding.read_json(content, "the file")
    if given.get("job_type") == JobType.JAR:
        return Draft(encoding.convert(given, jar_jobs.CreateBody), jar_jobs.draft)
    body = encoding.convert(given, sql_jobs.CreateBody)
    return Draft(body, sql_jobs.draft)


def manifest(jobs: int, now: int) -> bytes:
    return encoding.write(Manifest(VERSION, now, jobs))


def check_manifest(content: bytes) -> None:
    """Raise `Invalid` for an archive of another version."""
    version = encoding.convert(encoding.read_json(content, "the manifest"), Manifest).version
    if version != VERSION:
        raise Invalid(f"it has version {version} of the format, and this service reads version {VERSION}")


def exported(jobs: int, address: str) -> Exported:
    return Exported(message=f"{jobs} jobs exported.", zip_file=[address.removeprefix("obs://")])


def imported(mapping: Sequence[JobMap]) -> Imported:
    new = sum(each.new_job_id != NOT_IMPORTED for each in mapping)
    return Imported(message=f"{new} of {len(mapping)} jobs imported.", job_mapping=mapping)
