"""The clusters of a queue that gives each run one of its own, as the folders of a data directory show them."""

import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from penstock.flink.cluster import LocalCluster
from penstock.flink.distribution import FlinkHome

LOGS_KEPT = 5
"""How many clusters that are no more leave their logs to the operator."""
_ENDS_AT_ONCE = 8
_RUN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Fleet:
    data_dir: Path
    name: str
    file_systems: Mapping[str, str] = field(default_factory=dict)

    def cluster(self, run_id: str, home: FlinkHome | None = None) -> LocalCluster:
        """Give the cluster of a run; its Flink counts when it is started."""
        return LocalCluster(home, self.data_dir, f"{self.name}/{run_id}", file_systems=self.file_systems)

    def run_ids(self) -> set[str]:
        """List the runs that have a cluster, or what is left of one."""
        return {each.name for each in self._folder.glob("*/") if _RUN.fullmatch(each.name)}

    def retire(self, run_id: str) -> None:
        """End the cluster of a run that nobody needs, and keep of it only its log."""
        cluster = self.cluster(run_id)
        cluster.stop()
        cluster.remove(log_to=self._logs / run_id)

    def prune_logs(self) -> None:
        for old in sorted(self._logs.glob("*"), key=lambda log: log.stat().st_mtime)[:-LOGS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def stop(self) -> None:
        """End all of them on purpose."""
        with ThreadPoolExecutor(_ENDS_AT_ONCE) as pool:
            list(pool.map(lambda run_id: self.cluster(run_id).stop(), self.run_ids()))

    @property
    def _folder(self) -> Path:
        return self.data_dir.resolve() / "engines" / self.name

    @property
    def _logs(self) -> Path:
        return self._folder / "logs"
