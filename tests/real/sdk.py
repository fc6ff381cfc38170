"""Huawei's own Python SDK, unmodified, on a running service."""

from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkdli.v1 import DliClient, model

from tests.real.conftest import Served, wait_for


def connect(served: Served, project: str) -> DliClient:
    """Give a client with a key of its own, which maria has in the project."""
    env = served.environment("keys", "create", "--project", project, "--user", "maria")
    credentials = BasicCredentials(
        env["HUAWEICLOUD_SDK_AK"], env["HUAWEICLOUD_SDK_SK"], env["HUAWEICLOUD_SDK_PROJECT_ID"]
    )
    builder = DliClient.new_builder().with_http_config(HttpConfig(proxy_protocol=None))
    return builder.with_credentials(credentials).with_endpoint(served.url).build()


def upload(sdk: DliClient, kind: str, group: str, *paths: str) -> Any:
    body = model.UploadJobResourcesRequestBody(paths=list(paths), kind=kind, group=group)
    return sdk.upload_job_resources(model.UploadJobResourcesRequest(body=body))


def run(sdk: DliClient, job_id: int, *, resume: bool) -> None:
    body = model.BatchRunFlinkJobsRequestBody(job_ids=[job_id], resume_savepoint=resume)
    sdk.batch_run_flink_jobs(model.BatchRunFlinkJobsRequest(body=body))


def stop(sdk: DliClient, job_id: int, *, savepoint: bool) -> None:
    body = model.StopFlinkJobsRequestBody(job_ids=[job_id], trigger_savepoint=savepoint)
    sdk.batch_stop_flink_jobs(model.BatchStopFlinkJobsRequest(body=body))


def shown(sdk: DliClient, job_id: int) -> Any:
    return sdk.show_flink_job(model.ShowFlinkJobRequest(job_id=job_id)).job_detail


def until(sdk: DliClient, job_id: int, status: str, patience_s: float = 120) -> Any:
    """Wait until the job has this status, and give what is shown of it then."""

    def look() -> Any:
        job = shown(sdk, job_id)
        assert job.status == status or job.status != "job_submit_fail", job.status_desc
        return job if job.status == status else None

    return wait_for(look, status, patience_s)
