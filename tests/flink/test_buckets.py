"""Buckets as folders: what lies where, and that nothing leads out of them."""

import os
from pathlib import Path

import pytest

from penstock.domain.errors import Invalid
from penstock.flink.buckets import Buckets


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "all buckets"


@pytest.fixture
def buckets(root: Path) -> Buckets:
    return Buckets(root)


def write_state(folder: Path, at_s: int = 1_000) -> None:
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()
    os.utime(folder / "_metadata", (at_s, at_s))


def test_an_address_comes_back_from_the_uri_that_flink_is_given(buckets: Buckets) -> None:
    uri = buckets.uri("state/für Ann/#1%20")
    assert buckets.address(uri) == "obs://state/für Ann/#1%20/"
    assert buckets.address(uri.replace("file://", "file:")) == "obs://state/für Ann/#1%20/"
    assert buckets.address(Path(uri.removeprefix("file://"))) == "obs://state/für Ann/#1%20/"


def test_a_place_outside_the_buckets_has_no_address(buckets: Buckets, tmp_path: Path) -> None:
    assert buckets.address(f"file:{tmp_path}/elsewhere") is None


def test_a_bucket_is_made_at_its_first_use_for_its_owner_only(buckets: Buckets, root: Path) -> None:
    buckets.uri("obs://state/a/")
    assert (root / "state").stat().st_mode & 0o777 == 0o700


def test_a_link_that_leads_out_of_its_bucket_is_not_followed(buckets: Buckets, root: Path, tmp_path: Path) -> None:
    (root / "state").mkdir(parents=True)
    (root / "state" / "link").symlink_to(tmp_path)
    with pytest.raises(Invalid, match="leads out of its bucket"):
        buckets.uri("obs://state/link/a/")


def test_texts_of_flink_name_addresses_instead_of_paths(buckets: Buckets, root: Path) -> None:
    said = f"cannot read file:{root}/state/a/_metadata, file://{root}/state/b or {root}/other/c."
    assert buckets.scrub(said) == "cannot read obs://state/a/_metadata, obs://state/b or obs://other/c."


def test_texts_of_flink_tell_nothing_of_the_host_beside_the_buckets(buckets: Buckets, tmp_path: Path) -> None:
    said = f"no room in {tmp_path}/engines/default/tmp"
    assert buckets.scrub(said) == "no room in engines/default/tmp"


def test_state_is_complete_with_its_metadata(buckets: Buckets, root: Path) -> None:
    (root / "state" / "half").mkdir(parents=True)
    write_state(root / "state" / "whole")
    assert not buckets.has_state("obs://state/half/")
    assert buckets.state_at("obs://state/whole/") == "obs://state/whole/"


def test_the_newest_savepoint_of_a_folder_is_found(buckets: Buckets, root: Path) -> None:
    write_state(root / "state" / "sp" / "savepoint-aaaaaa-1", at_s=2_000)
    write_state(root / "state" / "sp" / "savepoint-aaaaaa-2", at_s=1_000)
    assert buckets.state_at("obs://state/sp/") == "obs://state/sp/savepoint-aaaaaa-1/"


def test_a_savepoint_of_an_earlier_request_or_another_run_is_not_taken_for_it(buckets: Buckets, root: Path) -> None:
    write_state(root / "state" / "sp" / "savepoint-aaaaaa-1", at_s=1_000)
    write_state(root / "state" / "sp" / "savepoint-bbbbbb-1", at_s=3_000)
    assert buckets.savepoint_of("obs://state/sp/", "aaaaaa0123", since=2_000_000) is None
    assert (
        buckets.savepoint_of("obs://state/sp/", "aaaaaa0123", since=1_000_000)
        == "obs://state/sp/savepoint-aaaaaa-1/"
    )


def test_the_newest_checkpoint_of_any_run_is_found(buckets: Buckets, root: Path) -> None:
    home = root / "penstock" / "jobs" / "checkpoint" / "7"
    write_state(home / "first" / "chk-9", at_s=1_000)
    write_state(home / "second" / "chk-10", at_s=2_000)
    (home / "second" / "chk-11").mkdir()
    newest = buckets.newest_checkpoint("obs://penstock/jobs/checkpoint/7/")
    assert newest == "obs://penstock/jobs/checkpoint/7/second/chk-10/"


def test_a_job_without_checkpoints_has_no_newest_one(buckets: Buckets) -> None:
    assert buckets.newest_checkpoint("obs://penstock/jobs/checkpoint/8/") is None
