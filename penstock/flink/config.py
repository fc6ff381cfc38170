"""What Flink is told: of a job, in the body of its submission, and of a cluster of ours, in its `config.yaml`."""

from pathlib import Path

from penstock.domain import bucket, resources, runtime_config
from penstock.domain.job import CheckpointMode, Job, JobConfig
from penstock.flink.buckets import Buckets
from penstock.flink.shapes import Shape

_LEAST_TIMEOUT_S = 600
"""Flink's own time-out of a checkpoint. It bounds savepoints too, for which it can be too short."""
_AS_BEFORE = {"table.exec.sink.require-on-conflict": "false"}
"""Scripts for Flink 1 know no `ON CONFLICT`, without which 2.3 refuses them."""
_FOREVER = "2147483647"
_RESTART_DELAY = "10 s"
_CHECKPOINTS = "execution.checkpointing.dir"
_SAVEPOINTS = "execution.checkpointing.savepoint-dir"
PLACES = (_CHECKPOINTS, _SAVEPOINTS)
"""The settings that say where state is written."""


def flink_configuration(job: Job, buckets: Buckets) -> dict[str, str]:
    """Return the settings of one submission, in the keys of Flink 2; raises `Invalid` for an unusable bucket.

    What `runtime_config` says of the job counts where no field says otherwise.
    """
    config = job.config
    checkpoints = bucket.checkpoint_path(job)
    savepoints = bucket.parse(f"{config.bucket or bucket.BUILT_IN}/jobs/savepoint/{job.id}")
    settings = {
        "pipeline.name": job.name,
        "parallelism.default": str(resources.parallelism(config)),
        "table.exec.state.ttl": f"{config.state_ttl_s} s",
        _CHECKPOINTS: buckets.uri(checkpoints),
        _SAVEPOINTS: buckets.uri(savepoints),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.timeout": f"{max(_LEAST_TIMEOUT_S, buckets.write_timeout_s)} s",
        # An external cluster may say otherwise: then Flink would delete a savepoint that a job has started from.
        "execution.state-recovery.claim-mode": "NO_CLAIM",
    }
    return {
        **_AS_BEFORE,
        **runtime_config.sort(config).job,
        **settings,
        **_checkpointing(config),
        **_restarting(config),
    }


def _checkpointing(config: JobConfig) -> dict[str, str]:
    if not config.checkpoint_enabled:
        return {}
    exactly = config.checkpoint_mode is CheckpointMode.EXACTLY_ONCE
    return {
        "execution.checkpointing.interval": f"{config.checkpoint_interval_s} s",
        "execution.checkpointing.mode": "EXACTLY_ONCE" if exactly else "AT_LEAST_ONCE",
    }


def _restarting(config: JobConfig) -> dict[str, str]:
    """Let Flink restart in place, except where it would restore a checkpoint that the user does not want."""
    from_nothing = config.checkpoint_enabled and not config.restart_from_checkpoint
    if not config.restart_on_failure or from_nothing:
        return {"restart-strategy.type": "none"}
    if config.restart_limit_per_hour < 0:
        return {
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": _FOREVER,
            "restart-strategy.fixed-delay.delay": _RESTART_DELAY,
        }
    return {
        "restart-strategy.type": "failure-rate",
        "restart-strategy.failure-rate.max-failures-per-interval": str(config.restart_limit_per_hour),
        "restart-strategy.failure-rate.failure-rate-interval": "1 h",
        "restart-strategy.failure-rate.delay": _RESTART_DELAY,
    }


# --- a cluster of ours ----------------------------------------------------------------------------------------


def cluster_configuration(folder: Path, rpc_port: int, rest_port: int, shape: Shape, line: str) -> dict[str, str]:
    """Return the settings that a JobManager and its TaskManagers share; every port is on the loopback."""
    return _places(folder) | _addresses(rpc_port, rest_port) | _memory(shape) | _behaviour() | _REMEMBERING[line]


def _places(folder: Path) -> dict[str, str]:
    # Not the system's temporary folder: it gets cleaned, and a long-lived cluster then loses its uploaded jars.
    return {"io.tmp.dirs": str(folder / "tmp"), "web.upload.dir": str(folder / "upload")}


def _addresses(rpc_port: int, rest_port: int) -> dict[str, str]:
    hosts = [f"{role}.bind-host" for role in ("jobmanager", "taskmanager")]
    hosts += ["jobmanager.rpc.address", "taskmanager.host", "rest.address", "rest.bind-address"]
    any_port = ("blob.server.port", "taskmanager.rpc.port", "taskmanager.data.port")
    ports = {"jobmanager.rpc.port": str(rpc_port), "rest.port": str(rest_port), "rest.bind-port": str(rest_port)}
    return dict.fromkeys(hosts, "127.0.0.1") | dict.fromkeys(any_port, "0") | ports


def _memory(shape: Shape) -> dict[str, str]:
    memory = shape.memory
    sizes = {
        "taskmanager.memory.framework.heap.size": memory.framework_heap,
        "taskmanager.memory.framework.off-heap.size": memory.framework_off_heap,
        "taskmanager.memory.task.heap.size": memory.task_heap,
        "taskmanager.memory.task.off-heap.size": memory.task_off_heap,
        "taskmanager.memory.network.min": memory.network,
        "taskmanager.memory.network.max": memory.network,
        "taskmanager.memory.managed.size": memory.managed,
        "taskmanager.memory.jvm-overhead.min": memory.overhead,
        "taskmanager.memory.jvm-overhead.max": memory.overhead,
        "taskmanager.memory.jvm-metaspace.size": memory.metaspace,
        "jobmanager.memory.heap.size": shape.jobmanager_heap,
    }
    slots = {"taskmanager.numberOfTaskSlots": str(shape.slots), "taskmanager.cpu.cores": str(shape.cores)}
    return slots | {key: f"{size} mb" for key, size in sizes.items()}


def _behaviour() -> dict[str, str]:
    return {
        "cluster.intercept-user-system-exit": "THROW",
        "cluster.registration.error-delay": "500 ms",  # else a TaskManager that starts first waits 10 s
        # Read here only, not in a job: a resume must not lose what it has just found to the next checkpoint.
        "execution.checkpointing.num-retained": "2",
        "heartbeat.interval": "1 s",  # a dead process is noticed after two; the time-out is for one that hangs
        "heartbeat.timeout": "20 s",
        "heartbeat.rpc-failure-threshold": "2",
        "pekko.ask.timeout": "30 s",  # planning on a busy machine
        "resourcemanager.standalone.start-up-time": "20 s",  # a job that lacks slots waits no longer
        "rest.async.store-duration": "24 h",  # what became of a savepoint, for a service that was away meanwhile
        "rest.cache.checkpoint-statistics.timeout": "0 ms",  # details must not be older than the overview
        "metrics.fetcher.update-interval": "2000",  # ms
        "taskmanager.system-out.mode": "LOG",  # what `print` writes is rolled with the log instead of growing
    }


_KEPT_S, _KEPT = str(24 * 3600), "500"
"""How long Flink tells how a job ended, and of how many jobs: they are all in every overview."""
_REMEMBERING = {
    "2.3": {
        "completed-application-store.expiration-time": _KEPT_S,
        "completed-application-store.max-capacity": _KEPT,
        "rest.cache.execution-graph.timeout": "0 ms",  # likewise: else a job that has failed has no cause
    },
    "1.20": {
        "jobstore.expiration-time": _KEPT_S,
        "jobstore.max-capacity": _KEPT,
        "web.refresh-interval": "250",  # ms; its pages in a browser are drawn anew as often, so it cannot be 0
    },
}
"""What the lines call by different names."""
