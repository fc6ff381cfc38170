"""`penstock orphans`: the Flink jobs that no job explains."""

from penstock.cli import connection, tables

_LIST: tables.Columns = {
    "flink job": "flink_job_id",
    "name": "name",
    "state": "state",
    "queue": "queue_name",
    "started (UTC)": lambda orphan: tables.time(orphan["start_time"]),
    "": lambda orphan: "is being stopped" if orphan["is_stopping"] else "",
}


def show_list(*, as_json: bool) -> None:
    with connection.opened() as client:
        orphans = client.list_orphans()
    tables.show(orphans, _LIST, as_json=as_json)


def stop(flink_job_id: str) -> None:
    with connection.opened() as client:
        client.stop_orphan(flink_job_id)
    print(f"Flink job {flink_job_id} is being stopped")


def adopt(flink_job_id: str, job_id: int | None, name: str | None) -> None:
    with connection.opened() as client:
        adopter = client.adopt_orphan(flink_job_id, job_id=job_id, name=name)
    print(f"Flink job {flink_job_id} is the run of job {adopter} now")
