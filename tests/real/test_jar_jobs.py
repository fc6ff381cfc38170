"""The whole life of a jar job through Huawei's own Python SDK, unmodified: packages, its state, and its end."""

from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdli.v1 import DliClient, model

from tests import jars
from tests.flink import programs
from tests.real import sdk
from tests.real.conftest import Served, wait_for

pytestmark = [
    pytest.mark.flink,
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:Method .* of DliClient is deprecated:DeprecationWarning"),
]
covers = pytest.mark.covers


@pytest.fixture
def client(served: Served) -> DliClient:
    return sdk.connect(served, "jars")


def upload(served: Served, client: DliClient) -> None:
    buckets = served.data_dir / "buckets"
    contents = {
        "counter.jar": programs.some("Counter", "Greeter", "Lines"),
        "greeting.jar": programs.some("lib.Greeting"),
        "mark.jar": programs.some("lib.Mark"),
    }
    paths = [jars.put(buckets, f"obs://uploads/{name}", content) for name, content in contents.items()]
    made = sdk.upload(client, "jar", "count", *paths)
    assert (made.group_name, made.status, made.resources) == ("count", "READY", list(contents))
    assert (type(made.create_time), made.is_async, made.details[0].resource_type) == (int, False, "jar")
    names = jars.put(buckets, "obs://uploads/names.csv", b"Ann,Bo")
    file = model.UploadJobResourcesRequestBody(paths=[names], kind="file", group="", is_async=True)
    assert client.upload_job_resources(model.UploadJobResourcesRequest(body=file)).is_async is True
    listed = client.list_job_resources(model.ListJobResourcesRequest(kind="jar"))
    assert (listed.total, [group.group_name for group in listed.groups]) == (3, ["count"])
    request = model.ShowJobResourceRequest(resource_name="names.csv")
    shown = client.show_job_resource(request)
    assert (shown.resource_name, shown.owner, shown.underlying_name) == ("names.csv", "maria", names)


def create(client: DliClient, out: Path) -> int:
    body = model.CreateFlinkJarJobRequestBody(
        name="counter",
        entrypoint="count/counter.jar",
        main_class="io.penstock.programs.Counter",
        entrypoint_args=f"'{out}' 'so far'",
        dependency_jars=["count/greeting.jar", "count/mark.jar"],
        dependency_files=["names.csv"],
        checkpoint_enabled=True,
        checkpoint_interval=1,
        checkpoint_mode=1,
        feature="basic",
        resume_max_num=-1,
        tm_slot_num=0,
    )
    answer = client.create_flink_jar_job(model.CreateFlinkJarJobRequest(body=body))
    assert (answer.is_success, answer.job.status_name) == ("true", "job_init")
    return int(answer.job.job_id)


def error_of(call: Any, request: Any) -> tuple[int, str]:
    with pytest.raises(ClientRequestException) as caught:
        call(request)
    return caught.value.status_code, caught.value.error_code


def counted(out: Path) -> list[str]:
    lines = [line for file in out.glob("part-*") for line in file.read_text().splitlines()]
    return sorted(lines, key=lambda line: int(line.split()[2].split("!")[0]))


@covers("C19")
@covers("C20")
@covers("E16")
@covers("E17")
@covers("E18")
def test_a_jar_job_lives_its_life_by_the_official_sdk_and_its_state_goes_on(
    served: Served, client: DliClient, tmp_path: Path
) -> None:
    upload(served, client)
    out = tmp_path / "out"
    job_id = create(client, out)
    sdk.run(client, job_id, resume=False)
    running = sdk.until(client, job_id, "job_running")
    assert (running.job_type, running.job_config.entrypoint) == ("flink_jar_job", "count/counter.jar")
    wait_for(lambda: counted(out), "the first lines")
    sdk.stop(client, job_id, savepoint=True)
    assert sdk.until(client, job_id, "job_cancel_success").has_savepoint
    before = len(counted(out))
    sdk.run(client, job_id, resume=True)
    wait_for(lambda: len(counted(out)) > before, "more lines")
    sdk.stop(client, job_id, savepoint=False)
    sdk.until(client, job_id, "job_cancel_success")
    lines = counted(out)
    assert lines == [f"[so far] {number}!Ann" for number in range(1, len(lines) + 1)]

    changed = model.UpdateFlinkJarJobRequestBody(dependency_files=[], entrypoint_args=f"'{out}'")
    updated = client.update_flink_jar_job(model.UpdateFlinkJarJobRequest(job_id=job_id, body=changed))
    assert (updated.is_success, type(updated.job.update_time)) == ("true", int)
    client.delete_job_resource(model.DeleteJobResourceRequest(resource_name="names.csv"))
    of_job = model.DeleteJobResourceRequest(resource_name="counter.jar", group="count")
    assert error_of(client.delete_job_resource, of_job) == (400, "DLI.0007")
    assert client.delete_flink_job(model.DeleteFlinkJobRequest(job_id=job_id)).is_success == "true"
    client.delete_job_resource(of_job)
    gone = model.ShowJobResourceRequest(resource_name="counter.jar", group="count")
    assert error_of(client.show_job_resource, gone) == (404, "DLI.0002")


def test_a_jar_that_is_gone_from_its_bucket_fails_the_submission_by_its_name(
    served: Served, client: DliClient
) -> None:
    place = jars.put(served.data_dir / "buckets", "obs://uploads/soon-gone.jar", b"x")
    body = model.CreateFlinkJarJobRequestBody(name="gone", entrypoint=place, main_class="a.B")
    job_id = client.create_flink_jar_job(model.CreateFlinkJarJobRequest(body=body)).job.job_id
    (served.data_dir / "buckets" / "uploads" / "soon-gone.jar").unlink()
    sdk.run(client, job_id, resume=False)

    def failed() -> Any:
        job = client.show_flink_job(model.ShowFlinkJobRequest(job_id=job_id)).job_detail
        return job if job.status == "job_submit_fail" else None

    assert wait_for(failed, "the failure").status_desc == f"there is no {place}"
