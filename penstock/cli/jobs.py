"""`penstock jobs`: list and show them, tell what has happened to them, export and import them."""

from penstock.cli import connection, tables
from penstock.cli.failure import fail
from penstock.cli.tables import Row

_LIST: tables.Columns = {
    "id": "job_id",
    "name": "name",
    "status": "status",
    "queue": "queue_name",
    "started (UTC)": lambda job: tables.time(job["start_time"]),
    "restarts": "restart_times",
    "why": "status_desc",
}
_NOT_IMPORTED = -1
_MAPPING: tables.Columns = {
    "old id": "old_job_id",
    "new id": lambda told: "" if told["new_job_id"] == _NOT_IMPORTED else str(told["new_job_id"]),
    "remark": "remark",
}
_TIMES = ("started_at", "ended_at", "submit_at", "since")


def show_list(status: str | None, name: str | None, limit: int, *, as_json: bool) -> None:
    with connection.opened() as client:
        jobs = client.list_jobs(limit=limit, status=status or "", name=name or "")["jobs"]
    tables.show(jobs, _LIST, as_json=as_json)


def show(job_id: int, *, as_json: bool) -> None:
    """Show every field of a job, and how its last run ended."""
    with connection.opened() as client:
        job = client.show_job(job_id) | {"last_exit": client.show_exit(job_id)}
    if as_json:
        tables.show_json(job)
        return
    last = job["last_exit"]
    job |= job.pop("job_config") | {"last_exit": last and f"{tables.time(last['time'])} {_told(last)}"}
    fields = [{"field": name, "value": value} for name, value in job.items() if value not in (None, "")]
    tables.show(fields, {"field": "field", "value": "value"}, as_json=False)


def show_history(job_id: int | None, limit: int, *, as_json: bool) -> None:
    """Tell what has happened to a job, or to all of the project."""
    with connection.opened() as client:
        events = client.list_events(limit=limit, job_id=job_id or "")
    tables.show(events, _HISTORY, as_json=as_json)


def export(obs_dir: str, job_ids: list[int]) -> None:
    with connection.opened() as client:
        print(f"exported to {client.export_jobs(obs_dir, job_ids)}")


def bring(zip_file: str, *, is_cover: bool, as_json: bool) -> None:
    """Import jobs; the command fails when one of them was not."""
    with connection.opened() as client:
        mapping = client.import_jobs(zip_file, is_cover=is_cover)
    tables.show(mapping, _MAPPING, as_json=as_json)
    missing = sum(each["new_job_id"] == _NOT_IMPORTED for each in mapping)
    if missing:
        fail(f"{missing} of {len(mapping)} jobs were not imported")


def _told(event: Row) -> str:
    """Put the reason and the details in one line."""
    details = [f"{name}={_readable(name, value)}" for name, value in event["details"].items()]
    return "; ".join(filter(None, [event["reason"], " ".join(details)]))


def _readable(name: str, value: object) -> object:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return tables.time(value).replace(" ", "T") if name in _TIMES and isinstance(value, int) else value


_HISTORY: tables.Columns = {
    "time (UTC)": lambda event: tables.time(event["time"]),
    "job": "job_id",
    "what": "kind",
    "by": lambda event: event["user_name"] or event["actor"],
    "status": "status",
    "run": lambda event: (event["run_id"] or "")[:8],
    "why, and details": _told,
}
