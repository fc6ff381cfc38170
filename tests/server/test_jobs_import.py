"""Import of a savepoint: what is put on record, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from penstock.domain.calls import MAY_CHANGE
from penstock.domain.job import Goal, Run, Savepoint, SavepointOrigin, Status
from penstock.store import runs
from tests.flink.test_buckets import write_state
from tests.serving import Service

covers = pytest.mark.covers
RUN = "0123456789abcdef" * 2


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "data" / "buckets" / "state"


def imported(service: Service, job_id: int, path: object, named: object = None) -> tuple[int, dict[str, Any]]:
    body = {"job_id": named or job_id, "savepoint_path": path}
    answer = service.call("POST", f"/jobs/{job_id}/import-savepoint", body)
    return answer.status_code, answer.json()


@covers("C13")
@covers("C26")
@pytest.mark.parametrize(
    "given", ["obs://state/sp/savepoint-1/", "state/sp/savepoint-1", "obs://state/sp/", "state/sp"]
)
def test_a_savepoint_is_imported_by_its_folder_or_the_one_above(service: Service, bucket: Path, given: str) -> None:
    write_state(bucket / "sp" / "savepoint-0", at_s=1_000)
    write_state(bucket / "sp" / "savepoint-1", at_s=2_000)
    job_id = service.create()
    assert imported(service, job_id, given) == (200, {"is_success": "true", "message": "Savepoint imported."})
    shown = service.show(job_id)
    assert (shown["has_savepoint"], shown["savepoint_path"]) == (True, "obs://state/sp/savepoint-1/")
    assert service.stored(job_id).savepoint == Savepoint("obs://state/sp/savepoint-1/", SavepointOrigin.IMPORT)


def test_the_job_id_may_be_quoted_and_must_be_that_of_the_path(service: Service, bucket: Path) -> None:
    write_state(bucket / "sp")
    job_id = service.create()
    assert imported(service, job_id, "state/sp", named=str(job_id))[0] == 200
    status, body = imported(service, job_id, "state/sp", named=job_id + 1)
    assert (status, body["error_code"]) == (400, "DLI.0001")
    assert body["error_msg"] == f"job_id must be that of the path, {job_id}"


def test_a_place_without_complete_state_is_refused(service: Service, bucket: Path) -> None:
    (bucket / "half").mkdir(parents=True)
    job_id = service.create()
    for place, told in (
        ("state/half/", "there is no complete savepoint or checkpoint at state/half/"),
        ("obs://state/", "there is no complete savepoint or checkpoint at obs://state/"),
    ):
        status, body = imported(service, job_id, place)
        assert (status, body["error_code"], body["error_msg"]) == (400, "DLI.0002", told)
    assert service.stored(job_id).savepoint is None


@pytest.mark.parametrize("place", ["../state/", "", None, 7, "state/../sp"])
def test_what_is_no_address_is_refused(service: Service, place: object) -> None:
    status, body = imported(service, service.create(), place)
    assert (status, body["error_code"]) == (400, "DLI.0001")
    assert body["error_msg"].startswith("savepoint_path")


@pytest.mark.parametrize("status", Status)
def test_only_a_job_at_rest_is_given_a_savepoint(service: Service, bucket: Path, status: Status) -> None:
    write_state(bucket / "sp")
    job_id = service.create()
    service.becomes(job_id, status=status)
    answer, body = imported(service, job_id, "state/sp")
    assert answer == (200 if status in MAY_CHANGE else 400)
    if answer == 400:
        assert body["error_code"] == "DLI.0007"


def test_checkpoints_that_were_imported_are_kept(service: Service, bucket: Path) -> None:
    write_state(bucket / RUN / "chk-1")
    owner, job_id = service.create(), service.create()
    service.becomes(owner, goal=Goal.RUN, run=Run(RUN, 1, checkpoints=f"obs://state/{RUN}/"))
    assert imported(service, job_id, f"state/{RUN}/chk-1")[0] == 200
    with service.database.read() as tx:
        assert runs.folders(tx, [owner]) == {}


def test_checkpoints_that_are_being_removed_are_not_imported(service: Service, bucket: Path) -> None:
    write_state(bucket / RUN / "chk-1")
    owner, job_id = service.create(), service.create()
    service.becomes(owner, goal=Goal.RUN, run=Run(RUN, 1, checkpoints=f"obs://state/{RUN}/"))
    with service.database.write() as tx:
        assert runs.condemn(tx, RUN, service.clock())
    status, body = imported(service, job_id, f"state/{RUN}/chk-1")
    assert (status, body["error_code"]) == (400, "DLI.0002")
    assert body["error_msg"] == f"the checkpoints at state/{RUN}/chk-1 are being removed"


def test_a_savepoint_is_given_up_after_the_time_that_it_may_take(service: Service) -> None:
    job_id = service.create()
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN, run=Run(RUN, 1))
    service.call("POST", f"/jobs/{job_id}/savepoint", {"action": "TRIGGER"})
    request = service.stored(job_id).savepoint_request
    assert request is not None
    assert request.give_up_at == request.requested_at + 24 * 3600 * 1000
