"""The whole life of streaming jobs through Huawei's own Python SDK, unmodified, against a running service.

It needs a project without jobs, and the environment that `penstock env` prints:

    eval "$(penstock env)" && .venv/bin/python -m tests.real.sdk_journey [name of the key's user]
"""

import os
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdli.v1 import DliClient, model

SQL = """
CREATE TABLE numbers (n BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '50', 'fields.n.min' = '1', 'fields.n.max' = '1000'
);
CREATE TABLE sums (parity BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT MOD(n, 2), SUM(n) FROM numbers GROUP BY MOD(n, 2);
"""
JOBS = 25
PATIENCE_S = 90


class Journey:
    def __init__(self, client: DliClient, user_name: str | None) -> None:
        self.client = client
        self.user_name = user_name
        self.ids: list[int] = []

    def go(self) -> None:
        self.create()
        self.run()
        self.list_by_each_parameter()
        self.list_by_combinations()
        self.page_through_all()
        self.show()
        self.savepoint()
        self.stop_with_savepoint_and_resume()
        self.delete()

    def create(self) -> None:
        for number in range(JOBS):
            even = number % 2 == 0
            body = model.CreateFlinkSqlJobRequestBody(
                name=f"job_{number:02}",
                desc="every other one is tagged",
                job_type="flink_opensource_sql_job" if even else "flink_sql_job",
                sql_body=SQL,
                checkpoint_enabled=True,
                checkpoint_interval=1,
                checkpoint_mode=1,
                tags=[model.Tag(key="team", value="web"), model.Tag(key="parity", value="even")] if even else None,
            )
            answer = self.client.create_flink_sql_job(model.CreateFlinkSqlJobRequest(body=body))
            assert (answer.is_success, answer.job.status_name) == ("true", "job_init"), answer
            assert type(answer.job.job_id) is int
            self.ids.append(answer.job.job_id)
        assert self.ids == sorted(set(self.ids))
        told(f"created {JOBS} jobs, {self.ids[0]} to {self.ids[-1]}")

    def run(self) -> None:
        three = self.ids[:3]
        request = model.BatchRunFlinkJobsRequestBody(job_ids=three, resume_savepoint=False)
        answer = self.client.batch_run_flink_jobs(model.BatchRunFlinkJobsRequest(body=request))
        assert [each.is_success for each in answer.body] == ["true"] * 3, answer
        for job_id in three:
            self.until(job_id, "job_running")
        told(f"running {three}")

    def list_by_each_parameter(self) -> None:
        even, odd, three = self.ids[::2], self.ids[1::2], self.ids[:3]
        newest = self.ids[::-1]
        expected: list[tuple[dict[str, Any], list[int], int]] = [
            ({}, newest[:10], JOBS),
            ({"job_type": "flink_sql_job"}, odd[::-1][:10], 12),
            ({"status": "job_running"}, three[::-1], 3),
            ({"queue_name": "default"}, newest[:10], JOBS),
            ({"queue_name": "nowhere"}, [], 0),
            ({"order": "asc"}, self.ids[:10], JOBS),
            ({"limit": 100}, newest, JOBS),
            ({"limit": 0}, [], JOBS),
            ({"name": "b_1"}, newest[5:15], 10),
            ({"offset": 20}, newest[20:], JOBS),
            ({"show_detail": True}, newest[:10], JOBS),
            ({"user_name": "nobody"}, [], 0),
            ({"tags": "team=web,parity=even"}, even[::-1][:10], 13),
            ({"root_job_id": 1}, [], 0),
            ({"sys_enterprise_project_name": "default"}, newest[:10], JOBS),
        ]
        if self.user_name is not None:
            expected.append(({"user_name": self.user_name}, newest[:10], JOBS))
        for query, ids, total in expected:
            self.listed(query, ids, total)
        told(f"listed by {len(expected)} queries of one parameter each")

    def list_by_combinations(self) -> None:
        even, three = self.ids[::2], self.ids[:3]
        self.listed({"status": "job_running", "order": "asc", "limit": 2, "offset": 1}, three[1:], 3)
        self.listed({"job_type": "flink_opensource_sql_job", "tags": "team=web", "name": "job_2"}, even[:9:-1], 3)
        self.listed({"status": "job_init", "show_detail": True, "order": "asc", "limit": 1}, self.ids[3:4], 22)
        told("listed by 3 combinations")

    def page_through_all(self) -> None:
        seen: list[int] = []
        while page := self.jobs(limit=7, offset=len(seen)).jobs:
            seen += [job.job_id for job in page]
        assert seen == self.ids[::-1], seen
        told(f"paged through all {len(seen)} by 7")

    def show(self) -> None:
        summary = self.jobs(status="job_running", limit=1).jobs[0]
        assert summary.duration > 0
        assert summary.root_id == -1
        assert type(summary.start_time) is int
        assert summary.start_time >= summary.create_time > 0
        assert (summary.restart_times, summary.has_savepoint, summary.status_desc) == (0, False, "")
        assert summary.job_config is None
        assert self.user_name in (None, summary.user_name)
        assert (summary.user_id, summary.project_id) == (None, None)
        detail = self.jobs(status="job_running", limit=1, show_detail=True).jobs[0]
        self.owned(detail)
        assert (detail.user_name, detail.duration, detail.root_id) == (None, None, None)
        assert detail.sql_body == SQL
        config = detail.job_config
        assert (config.checkpoint_enabled, config.checkpoint_mode, config.checkpoint_interval) == (
            True,
            "exactly_once",
            1,
        )
        assert (config.cu_number, config.parallel_number, config.resume_max_num) == (2, 1, -1)
        shown = self.shown(self.ids[0])
        self.owned(shown)
        assert shown.user_id == detail.user_id
        assert "GroupAggregate" in shown.execution_graph
        assert (shown.job_id, shown.name, shown.queue_name) == (self.ids[0], "job_00", "default")
        assert self.shown(self.ids[-1]).start_time is None
        told("showed a running job and a draft")

    def owned(self, job: Any) -> None:
        assert re.fullmatch("[0-9a-f]{32}", job.user_id), job.user_id
        assert job.project_id == os.environ["HUAWEICLOUD_SDK_PROJECT_ID"]

    def savepoint(self) -> None:
        body = model.ExecuteFlinkJobSavepointRequestBody(action="TRIGGER", savepoint_path="state/by-hand/")
        request = model.ExecuteFlinkJobSavepointRequest(job_id=self.ids[1], body=body)
        assert self.client.execute_flink_job_savepoint(request).is_success == "true"
        job = self.until(self.ids[1], "job_running", also=lambda job: job.has_savepoint)
        assert job.savepoint_path.startswith("obs://state/by-hand/savepoint-"), job.savepoint_path
        told(f"wrote {job.savepoint_path} while job {self.ids[1]} runs")

    def stop_with_savepoint_and_resume(self) -> None:
        first = self.ids[0]
        self.stop([first], with_savepoint=True)
        stopped = self.until(first, "job_cancel_success")
        assert stopped.has_savepoint
        assert stopped.savepoint_path.startswith(f"obs://penstock/jobs/savepoint/{first}/"), stopped.savepoint_path
        frozen = [self.jobs(name="job_00").jobs[0].duration for _ in range(2)]
        assert frozen[0] == frozen[1] > 0
        request = model.BatchRunFlinkJobsRequestBody(job_ids=[first], resume_savepoint=True)
        self.client.batch_run_flink_jobs(model.BatchRunFlinkJobsRequest(body=request))
        resumed = self.until(first, "job_running")
        assert (resumed.has_savepoint, resumed.savepoint_path) == (False, None)
        told(f"stopped job {first} with {stopped.savepoint_path}, and ran it from there")
        self.stop(self.ids[:3], with_savepoint=False)
        for job_id in self.ids[:3]:
            self.until(job_id, "job_cancel_success")
        told(f"stopped {self.ids[:3]}")

    def delete(self) -> None:
        assert self.client.delete_flink_job(model.DeleteFlinkJobRequest(job_id=self.ids[0])).is_success == "true"
        body = model.BatchDeleteFlinkJobsRequestBody(job_ids=self.ids[1:])
        answer = self.client.batch_delete_flink_jobs(model.BatchDeleteFlinkJobsRequest(body=body))
        assert [each.is_success for each in answer.body] == ["true"] * (JOBS - 1)
        assert self.jobs().total_count == 0
        try:
            self.shown(self.ids[0])
        except ClientRequestException as error:
            assert (error.status_code, error.error_code) == (400, "DLI.16001")  # noqa: PT017 - no pytest here
        else:
            raise AssertionError("a deleted job is still shown")
        told(f"deleted all {JOBS}")

    def listed(self, query: dict[str, Any], ids: list[int], total: int) -> None:
        found = self.jobs(**query)
        assert [job.job_id for job in found.jobs] == ids, (query, found)
        assert (type(found.total_count), found.total_count) == (int, total), (query, found.total_count)

    def jobs(self, **query: Any) -> Any:
        answer = self.client.list_flink_jobs(model.ListFlinkJobsRequest(**query))
        assert (type(answer.is_success), answer.is_success) == (str, "true")
        return answer.job_list

    def shown(self, job_id: int) -> Any:
        answer = self.client.show_flink_job(model.ShowFlinkJobRequest(job_id=job_id))
        assert answer.is_success == "true"
        return answer.job_detail

    def stop(self, job_ids: list[int], *, with_savepoint: bool) -> None:
        body = model.StopFlinkJobsRequestBody(job_ids=job_ids, trigger_savepoint=with_savepoint)
        answer = self.client.batch_stop_flink_jobs(model.BatchStopFlinkJobsRequest(body=body))
        assert [each.is_success for each in answer.body] == ["true"] * len(job_ids), answer

    def until(self, job_id: int, status: str, also: Callable[[Any], bool] = lambda _job: True) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            job = self.shown(job_id)
            if job.status == status and also(job):
                return job
            in_vain = job.status == "job_submit_fail" or time.monotonic() > deadline
            assert not in_vain, f"job {job_id} is {job.status}, not {status}: {job.status_desc}"
            time.sleep(0.1)


def told(line: str) -> None:
    print(line, flush=True)


def client() -> DliClient:
    """The SDK as its own documentation sets it up; the key comes from the environment."""
    credentials = BasicCredentials(
        os.environ["HUAWEICLOUD_SDK_AK"],
        os.environ["HUAWEICLOUD_SDK_SK"],
        os.environ["HUAWEICLOUD_SDK_PROJECT_ID"],
    )
    builder = DliClient.new_builder().with_credentials(credentials)
    return builder.with_endpoint(os.environ["PENSTOCK_ENDPOINT"]).build()


if __name__ == "__main__":
    Journey(client(), user_name=sys.argv[1] if sys.argv[1:] else None).go()
