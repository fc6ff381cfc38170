"""What Flink is told of a job."""

from pathlib import Path

import pytest

from penstock.domain.job import CheckpointMode, Job, JobConfig, JobType
from penstock.flink import config, shapes
from penstock.flink.buckets import Buckets


def settings_of(tmp_path: Path, wanted: JobConfig, write_timeout_s: int = 24 * 3600) -> dict[str, str]:
    job = Job(
        id=7,
        project_id="p",
        user_id="u",
        user_name="ann",
        type=JobType.SQL,
        name="clicks",
        queue="",
        created_at=0,
        updated_at=0,
        config=wanted,
    )
    return config.flink_configuration(job, Buckets(tmp_path, write_timeout_s=write_timeout_s))


def test_a_plain_job_has_no_checkpoints_and_no_restarts(tmp_path: Path) -> None:
    assert settings_of(tmp_path, JobConfig()) == {
        "pipeline.name": "clicks",
        "parallelism.default": "1",
        "table.exec.state.ttl": "3600 s",
        "execution.checkpointing.dir": f"file://{tmp_path}/penstock/jobs/checkpoint/7",
        "execution.checkpointing.savepoint-dir": f"file://{tmp_path}/penstock/jobs/savepoint/7",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.timeout": "86400 s",
        "execution.state-recovery.claim-mode": "NO_CLAIM",
        "table.exec.sink.require-on-conflict": "false",
        "restart-strategy.type": "none",
    }


@pytest.mark.parametrize(("allowed_s", "timeout"), [(7200, "7200 s"), (60, "600 s")])
def test_flink_gives_a_savepoint_the_time_that_it_may_take_and_a_checkpoint_no_less_than_its_own(
    tmp_path: Path, allowed_s: int, timeout: str
) -> None:
    settings = settings_of(tmp_path, JobConfig(), allowed_s)
    assert settings["execution.checkpointing.timeout"] == timeout


@pytest.mark.parametrize(
    ("mode", "word"),
    [(CheckpointMode.EXACTLY_ONCE, "EXACTLY_ONCE"), (CheckpointMode.AT_LEAST_ONCE, "AT_LEAST_ONCE")],
)
def test_checkpoints_have_their_interval_and_mode(tmp_path: Path, mode: CheckpointMode, word: str) -> None:
    wanted = JobConfig(checkpoint_enabled=True, checkpoint_interval_s=30, checkpoint_mode=mode)
    settings = settings_of(tmp_path, wanted)
    assert settings["execution.checkpointing.interval"] == "30 s"
    assert settings["execution.checkpointing.mode"] == word


@pytest.mark.parametrize(
    ("checkpoints", "from_checkpoint", "limit", "strategy"),
    [
        (True, True, 5, "failure-rate"),
        (True, True, -1, "fixed-delay"),
        (False, False, 5, "failure-rate"),
        (False, True, -1, "fixed-delay"),
        (True, False, 5, "none"),  # Flink would restore the checkpoint; the service starts the job anew instead
    ],
)
def test_flink_restarts_a_job_in_place_unless_it_would_restore_unwanted_state(
    tmp_path: Path, checkpoints: bool, from_checkpoint: bool, limit: int, strategy: str
) -> None:
    wanted = JobConfig(
        checkpoint_enabled=checkpoints,
        restart_on_failure=True,
        restart_from_checkpoint=from_checkpoint,
        restart_limit_per_hour=limit,
    )
    settings = settings_of(tmp_path, wanted)
    assert settings["restart-strategy.type"] == strategy
    if strategy == "failure-rate":
        assert settings["restart-strategy.failure-rate.max-failures-per-interval"] == str(limit)


def test_every_port_of_a_cluster_is_on_the_loopback(tmp_path: Path) -> None:
    settings = config.cluster_configuration(tmp_path, 1, 2, shapes.shared(4), "2.3")
    hosts = {key: value for key, value in settings.items() if key.endswith(("address", "host"))}
    assert set(hosts.values()) == {"127.0.0.1"}
    assert len(hosts) == 6


def test_a_runtime_configuration_counts_where_no_field_decides(tmp_path: Path) -> None:
    text = "pipeline.name=x\ntable.exec.state.ttl=1 s\npipeline.object-reuse=true\nkubernetes.jobmanager.cpu=1"
    settings = settings_of(tmp_path, JobConfig(runtime_config=text))
    without = settings_of(tmp_path, JobConfig())
    assert settings == without | {"pipeline.object-reuse": "true"}
