"""What a run has left in the buckets."""

from pathlib import Path

import pytest

from penstock.domain.engine import Watched
from penstock.flink import remains
from penstock.flink.buckets import BucketFailure, Buckets

RUN = "f" * 32


def test_a_run_whose_folder_leads_out_of_its_bucket_by_now_counts_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / "buckets" / "state").mkdir(parents=True)
    (tmp_path / "buckets" / "state" / "jobs").symlink_to(tmp_path)
    watched = Watched(RUN, cluster="old", checkpoints=f"obs://state/jobs/{RUN}/")
    with pytest.raises(BucketFailure, match="leads out of its bucket"):
        remains.of(watched, Buckets(tmp_path / "buckets"))
