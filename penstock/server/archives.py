"""Export of jobs to an archive in a bucket, and import from such archives.

What comes is not trusted, whoever has made it: a job is created or changed only as the caller could do it by the
calls for that, and of the ids in an archive only the answer tells.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from penstock.dli import archives as wire
from penstock.dli import encoding, errors
from penstock.domain import bucket, calls
from penstock.domain.errors import Invalid, NotFound, StorageUnavailable
from penstock.domain.job import Job
from penstock.domain.roles import Action
from penstock.flink import jars
from penstock.flink.buckets import BucketFailure, Buckets, UnknownBucket
from penstock.server import drafts
from penstock.server.auth import Call, operation
from penstock.server.operation import Context, log_unexpected
from penstock.store import jobs as stored

_MANIFEST = "manifest.json"
_JOB = re.compile(r"([1-9][0-9]{0,17})\.json")
_MOST_ARCHIVES = 100


def export_jobs(context: Context, call: Call, body: wire.ExportBody) -> wire.Exported:
    """Write the settings of jobs, all of the project or those selected, to a zip in a bucket."""
    with encoding.naming("obs_dir"):
        address = f"{bucket.parse(body.obs_dir)}aggregate_{context.now_ms()}.zip"
    selection = body.selection()
    with context.contents.room() as file:
        with context.database.read() as tx:
            jobs = _selected(tx, call.project_id, selection)
            count = _write(jobs, file, context)
        jars.check(file, "the archive", "zip")  # what cannot be imported again is not exported
        with _telling_of_bucket():
            context.buckets(call.project_id).upload(file, address)
    return wire.exported(count, address)


def import_jobs(context: Context, call: Call, body: wire.ImportBody) -> wire.Imported:
    """Create the jobs of a zip, or of all zips of a folder, each for itself: the answer tells what became of each.

    With `is_cover` a job at rest that has the name of one gets its settings.
    """
    with encoding.naming("zip_file"), _telling_of_bucket():
        addresses = _archives_at(context.buckets(call.project_id), body.zip_file)
    with ExitStack() as arriving:
        files = _fetched(context, call, addresses, arriving)
        importing = _Import(context, call, body.is_cover)
        mapping = [told for address, file in files.items() for told in importing.jobs_of(file, address)]
    return wire.imported(mapping)


def _selected(tx: Connection, project_id: str, selection: list[int] | None) -> Iterable[Job]:
    if selection is None:
        return stored.of_project(tx, project_id)
    return (stored.get(tx, project_id, job_id) for job_id in selection)


def _write(jobs: Iterable[Job], file: Path, context: Context) -> int:
    """Write an archive, and return how many jobs it holds; raises `Invalid` or `NotAllowed`."""
    count = 0
    with file.open("wb") as target, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for job in jobs:
            calls.refuse_unreadable(job)
            count += 1
            archive.writestr(f"{job.id}.json", wire.written(job))
            if count > wire.MOST_JOBS or target.tell() > context.contents.limit:
                raise Invalid(
                    f"an archive holds at most {wire.MOST_JOBS} jobs and {context.contents.limit} bytes: "
                    "export the jobs in parts, by job_selected"
                )
        archive.writestr(_MANIFEST, wire.manifest(count, context.now_ms()))
    return count


def _archives_at(buckets: Buckets, place: str) -> list[str]:
    name, parts = bucket.split(place)
    address = "/".join((f"obs://{name}", *parts))
    if address.lower().endswith(".zip"):
        return [address]
    files = buckets.files(address)
    others = [each for each in files if not each.lower().endswith(".zip")]
    if others:
        raise Invalid(f"{place} must be a zip, or a folder of zips only, and holds {others[0]!r}")
    if not files:
        raise NotFound(f"there is no zip at {place}")
    if len(files) > _MOST_ARCHIVES:
        raise Invalid(f"{place} holds more than {_MOST_ARCHIVES} zips")
    return [f"{address}/{each}" for each in files]


def _fetched(context: Context, call: Call, addresses: Iterable[str], arriving: ExitStack) -> dict[str, Path]:
    """Fetch all archives and check them, before anything of the first one is imported."""
    files: dict[str, Path] = {}
    left = context.contents.limit
    for address in addresses:
        files[address] = arriving.enter_context(context.contents.room())
        with _telling_of_bucket():
            context.buckets(call.project_id).download(address, files[address], left)
        left -= files[address].stat().st_size
        _check(files[address], address)
    return files


def _check(file: Path, address: str) -> None:
    jars.check(file, address, "zip")
    with jars.opened(file, address, "zip") as archive, encoding.naming(address):
        names = archive.namelist()
        others = [name for name in names if name != _MANIFEST and not _JOB.fullmatch(name)]
        if others or _MANIFEST not in names:
            lacking = f"it holds {others[0]!r}" if others else f"it holds no {_MANIFEST}"
            raise Invalid(f"it is no archive of jobs: {lacking}")
        if len(names) > wire.MOST_JOBS + 1:
            raise Invalid(f"it holds more than {wire.MOST_JOBS} jobs")
        wire.check_manifest(jars.content(archive, archive.getinfo(_MANIFEST), limit=1 << 16))


@dataclass(frozen=True)
class _Import:
    context: Context
    call: Call
    is_cover: bool
    names: set[str] = field(default_factory=set)
    """Of what has been imported: no job is covered by two of one call."""

    def jobs_of(self, file: Path, address: str) -> Iterator[wire.JobMap]:
        with jars.opened(file, address, "zip") as archive:
            for entry in archive.infolist():
                if found := _JOB.fullmatch(entry.filename):
                    yield self._tell(int(found[1]), archive, entry)

    def _tell(self, old_id: int, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> wire.JobMap:
        """Import a job, and tell of it; an unexpected error of one is that one's, as others are there already."""
        try:
            draft = wire.read(jars.content(archive, entry, self.context.body_limit))
            return self._put(old_id, draft)
        except Exception as error:
            status, failure = errors.failure(error)
            if status >= 500:
                log_unexpected(error, f"{self.call.request_id} for {entry.filename}")
            return wire.JobMap(old_id, wire.NOT_IMPORTED, failure.error_msg)

    def _put(self, old_id: int, draft: wire.Draft) -> wire.JobMap:
        covers = self.is_cover and draft.body.name not in self.names
        job = drafts.put(self.context, self.call, draft.body, draft.fill, covers=covers)
        self.names.add(job.name)
        return wire.JobMap(old_id, job.id, "Job replaced." if job.version else "Job created.")


@contextmanager
def _telling_of_bucket() -> Iterator[None]:
    try:
        yield
    except UnknownBucket as error:
        raise NotFound(str(error)) from error
    except BucketFailure as error:
        raise StorageUnavailable(str(error)) from error


_JOBS = "/v1.0/{project_id}/streaming/jobs"
OPERATIONS = (
    operation("POST", f"{_JOBS}/export", Action.EXPORT_JOBS, export_jobs),
    operation("POST", f"{_JOBS}/import", Action.CREATE_JOB, import_jobs),
)
