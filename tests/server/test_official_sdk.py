"""The official Python SDK, unmodified, against the API; engine-free calls only."""

from pathlib import Path

import pytest
from huaweicloudsdkdli.v1 import DliClient, model

from penstock.domain import lines
from penstock.domain.job import Goal, Run, Status
from tests.flink.test_buckets import write_state
from tests.server.sdk import client_of, error_of
from tests.serving import Service

covers = pytest.mark.covers


def create(sdk: DliClient, **fields: object) -> int:
    body = model.CreateFlinkSqlJobRequestBody(**{"name": "clicks", **fields})
    answer = sdk.create_flink_sql_job(model.CreateFlinkSqlJobRequest(body=body))
    assert (answer.is_success, answer.job.status_name) == ("true", "job_init")
    assert isinstance(answer.job.job_id, int)
    return int(answer.job.job_id)


@covers("B1")
def test_a_job_is_created_listed_and_shown(service: Service, sdk: DliClient) -> None:
    tags = [model.Tag(key="team", value="web")]
    sql = "INSERT INTO t SELECT '漢字' FROM s;\r\n"
    job_id = create(sdk, sql_body=sql, tags=tags, checkpoint_enabled=True, checkpoint_mode=2)
    request = model.ListFlinkJobsRequest(
        job_type="flink_opensource_sql_job", status="job_init", queue_name="default", order="asc", limit=5,
        name="lick", offset=0, show_detail=True, user_name="maria", tags="team=web",
    )  # fmt: skip
    listed = sdk.list_flink_jobs(request)
    assert (listed.is_success, listed.message, listed.job_list.total_count) == ("true", "", 1)
    (job,) = listed.job_list.jobs
    assert (job.job_id, job.sql_body, job.start_time, job.has_savepoint) == (job_id, sql, 0, False)
    assert (job.job_config.checkpoint_mode, job.job_config.checkpoint_enabled) == ("at_least_once", True)
    shown = sdk.show_flink_job(model.ShowFlinkJobRequest(job_id=job_id))
    assert (shown.is_success, shown.job_detail.name, shown.job_detail.start_time) == ("true", "clicks", None)


def test_a_job_is_updated_run_stopped_and_deleted(service: Service, sdk: DliClient) -> None:
    job_id = create(sdk)
    body = model.UpdateFlinkSqlJobRequestBody(name="renamed", cu_number=4)
    updated = sdk.update_flink_sql_job(model.UpdateFlinkSqlJobRequest(job_id=job_id, body=body))
    assert (updated.is_success, updated.job.update_time) == ("true", service.show(job_id)["update_time"])
    ran = sdk.batch_run_flink_jobs(
        model.BatchRunFlinkJobsRequest(body=model.BatchRunFlinkJobsRequestBody(job_ids=[job_id, 99]))
    )
    assert [(answer.is_success, bool(answer.message)) for answer in ran.body] == [("true", True), ("false", True)]
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN, run=Run(id="0" * 32, submit_at=0))
    saved = sdk.execute_flink_job_savepoint(
        model.ExecuteFlinkJobSavepointRequest(
            job_id=job_id,
            body=model.ExecuteFlinkJobSavepointRequestBody(action="TRIGGER", savepoint_path="state/dir/"),
        )
    )
    assert saved.is_success == "true"
    service.becomes(job_id, status=Status.RUNNING)
    stopped = sdk.batch_stop_flink_jobs(
        model.BatchStopFlinkJobsRequest(
            body=model.StopFlinkJobsRequestBody(job_ids=[job_id], trigger_savepoint=True)
        )
    )
    assert stopped.body[0].is_success == "true"
    assert sdk.delete_flink_job(model.DeleteFlinkJobRequest(job_id=job_id)).is_success == "true"
    again = model.BatchDeleteFlinkJobsRequest(body=model.BatchDeleteFlinkJobsRequestBody(job_ids=[job_id]))
    assert error_of(sdk.batch_delete_flink_jobs, again) == (400, "400")
    assert error_of(sdk.show_flink_job, model.ShowFlinkJobRequest(job_id=job_id)) == (400, "DLI.16001")


def test_a_savepoint_is_imported(service: Service, sdk: DliClient, tmp_path: Path) -> None:
    write_state(tmp_path / "data" / "buckets" / "state" / "sp")
    job_id = create(sdk)

    def request(path: str) -> model.ImportFlinkJobSavepointRequest:
        body = model.ImportFlinkJobSavepointRequestBody(job_id=job_id, savepoint_path=path)
        return model.ImportFlinkJobSavepointRequest(job_id=str(job_id), body=body)

    assert sdk.import_flink_job_savepoint(request("obs://state/sp")).is_success == "true"
    shown = sdk.show_flink_job(model.ShowFlinkJobRequest(job_id=job_id)).job_detail
    assert (shown.has_savepoint, shown.savepoint_path) == (True, "obs://state/sp/")
    assert error_of(sdk.import_flink_job_savepoint, request("obs://state/none")) == (400, "DLI.0002")


@pytest.mark.filterwarnings("ignore:Method 'register_bucket'")
def test_buckets_are_authorized(service: Service, sdk: DliClient) -> None:
    def request(*buckets: str) -> model.RegisterBucketRequest:
        return model.RegisterBucketRequest(body=model.RegisterBucketRequestBody(obs_buckets=list(buckets)))

    answer = sdk.register_bucket(request("state"))
    assert (answer.is_success, answer.message) == (True, "The buckets can be used.")
    assert error_of(sdk.register_bucket, request("state", "other")) == (400, "DLI.0002")


def test_a_template_is_created_listed_updated_used_and_deleted(service: Service, sdk: DliClient) -> None:
    body = model.CreateFlinkSqlJobTemplateRequestBody(
        name="count", desc="by hour", sql_body="SELECT 1", tags=[model.Tag(key="team", value="web")],
        job_type="flink_opensource_sql_job",
    )  # fmt: skip
    request = model.CreateFlinkSqlJobTemplateRequest(body=body)
    created = sdk.create_flink_sql_job_template(request)
    assert (created.is_success, created.message) == (True, "Template created.")
    made = created.template
    assert [type(each) for each in (made.template_id, made.create_time)] == [int, int]
    assert (made.name, made.desc, made.job_type) == ("count", "by hour", "flink_opensource_sql_job")
    assert error_of(sdk.create_flink_sql_job_template, request) == (400, "DLI.0006")
    update = model.UpdateFlinkSqlJobTemplateRequest(
        template_id=made.template_id, body=model.UpdateFlinkSqlJobTemplateRequestBody(sql_body="SELECT 2")
    )
    updated = sdk.update_flink_sql_job_template(update)
    assert (updated.is_success, updated.message) == (True, "Template updated.")
    wanted = model.ListFlinkSqlJobTemplatesRequest(limit=5, name="oun", offset=0, order="asc", tags="team=web")
    listed = sdk.list_flink_sql_job_templates(wanted)
    assert (listed.is_success, listed.message, listed.template_list.total_count) == (True, "", 1)
    (shown,) = listed.template_list.templates
    assert (shown.template_id, shown.name, shown.desc) == (made.template_id, "count", "by hour")
    assert (shown.sql_body, shown.job_type) == ("SELECT 2", "flink_opensource_sql_job")
    assert (shown.create_time, type(shown.update_time)) == (made.create_time, int)
    assert service.show(create(sdk, template_id=made.template_id))["sql_body"] == "SELECT 2"
    deletion = model.DeleteFlinkSqlJobTemplateRequest(template_id=made.template_id)
    deleted = sdk.delete_flink_sql_job_template(deletion)
    assert (deleted.is_success, deleted.template.template_id) == (True, made.template_id)
    assert error_of(sdk.delete_flink_sql_job_template, deletion) == (400, "DLI.0002")
    assert error_of(sdk.update_flink_sql_job_template, update) == (400, "DLI.0002")
    wanted.limit = 101
    assert error_of(sdk.list_flink_sql_job_templates, wanted) == (400, "DLI.0001")


def test_jobs_are_exported_and_imported(service: Service, sdk: DliClient) -> None:
    job_id = create(sdk, sql_body="SELECT 1")

    def export(*job_ids: int) -> model.ExportFlinkJobsRequest:
        body = model.ExportFlinkJobsRequestBody(obs_dir="state/out", is_selected=True, job_selected=list(job_ids))
        return model.ExportFlinkJobsRequest(body=body)

    exported = sdk.export_flink_jobs(export(job_id))
    assert (exported.is_success, exported.message) == ("true", "1 jobs exported.")
    [address] = exported.zip_file
    assert address.startswith("state/out/aggregate_")
    assert error_of(sdk.export_flink_jobs, export(job_id, 99)) == (400, "DLI.16001")

    def importing(place: str, *, is_cover: bool) -> model.ImportFlinkJobsRequest:
        return model.ImportFlinkJobsRequest(
            body=model.ImportFlinkJobsRequestBody(zip_file=place, is_cover=is_cover)
        )

    imported = sdk.import_flink_jobs(importing(address, is_cover=False))
    assert (imported.is_success, imported.message) == ("true", "0 of 1 jobs imported.")
    [told] = imported.job_mapping
    assert (told.old_job_id, told.new_job_id) == (job_id, -1)
    assert told.remark == "a job named 'clicks' exists already"
    [told] = sdk.import_flink_jobs(importing(address, is_cover=True)).job_mapping
    assert (told.old_job_id, told.new_job_id, told.remark) == (job_id, job_id, "Job replaced.")
    assert error_of(sdk.import_flink_jobs, importing("state/none.zip", is_cover=False)) == (400, "DLI.0002")


@covers("B7")
def test_errors_reach_the_caller_with_their_codes(service: Service, sdk: DliClient) -> None:
    assert error_of(sdk.list_flink_jobs, model.ListFlinkJobsRequest(limit=101)) == (400, "DLI.0001")
    nameless = model.CreateFlinkSqlJobRequest(body=model.CreateFlinkSqlJobRequestBody(name=""))
    assert error_of(sdk.create_flink_sql_job, nameless) == (400, "DLI.0001")


@covers("B8")
def test_a_wrong_secret_and_a_foreign_project_reach_the_caller(service: Service, sdk: DliClient) -> None:
    request = model.ListFlinkJobsRequest()
    assert error_of(client_of(service, secret="wrong").list_flink_jobs, request) == (401, "APIGW.0301")
    assert error_of(client_of(service, project="foreign").list_flink_jobs, request) == (403, "APIGW.0302")


def test_pages_of_the_sdk_show_every_job_once(service: Service, sdk: DliClient) -> None:
    ids = [create(sdk, name=f"job_{number}") for number in range(7)]
    seen: list[int] = []
    while True:
        page = sdk.list_flink_jobs(model.ListFlinkJobsRequest(limit=3, offset=len(seen), order="asc"))
        if not page.job_list.jobs:
            break
        seen += [job.job_id for job in page.job_list.jobs]
    assert seen == ids


def test_a_queue_is_created_listed_shown_resized_and_deleted(service: Service, sdk: DliClient) -> None:
    body = model.CreateQueueRequestBody(
        queue_name="Stream_B", cu_count=16, queue_type="general", description="ours", platform="x86_64",
        resource_mode=1, charging_mode=1, feature="basic", enterprise_project_id="0", labels=["multi_az=2"],
        tags=[model.Tag(key="team", value="web")],
    )  # fmt: skip
    created = sdk.create_queue(model.CreateQueueRequest(body=body))
    assert (created.is_success, created.queue_name) == (True, "stream_b")
    listed = sdk.list_queues(model.ListQueuesRequest(queue_type="general", tags="team=web", with_priv=True))
    assert (listed.is_success, listed.message) == (True, "")
    (queue,) = listed.queues
    assert (queue.queue_name, queue.cu_count, queue.used_cu, queue.owner) == ("stream_b", 16, 0.0, "maria")
    assert (queue.resource_mode, queue.is_restarting, queue.labels) == (1, False, '["multi_az=2"]')
    scaled = model.RunQueueActionRequestBody(action="scale_out", cu_count=16)
    ran = sdk.run_queue_action(model.RunQueueActionRequest(queue_name="stream_b", body=scaled))
    assert (ran.is_success, ran.queue_name) == (True, "stream_b")
    shown = sdk.show_queue(model.ShowQueueRequest(queue_name="stream_b"))
    assert (shown.is_success, shown.queue_name, shown.queue_type) == (True, "stream_b", "general")
    assert (shown.cu_count, shown.charging_mode, shown.create_time) == (32, 1, queue.create_time)
    assert shown.support_flink_sql_versions == list(lines.VERSIONS)
    assert shown.default_flink_sql_version == "2.3"
    request = model.CreateQueueRequest(body=model.CreateQueueRequestBody(queue_name="stream_b", cu_count=16))
    assert error_of(sdk.create_queue, request) == (400, "DLI.0006")
    assert sdk.delete_queue(model.DeleteQueueRequest(queue_name="stream_b")).is_success is True
    assert error_of(sdk.show_queue, model.ShowQueueRequest(queue_name="stream_b")) == (400, "DLI.0002")
    assert error_of(sdk.delete_queue, model.DeleteQueueRequest(queue_name="stream_b")) == (400, "DLI.0002")
