"""Buckets as folders: what lies where, and that nothing leads out of them."""

import contextlib
import os
from pathlib import Path

import pytest

from penstock.domain.errors import Invalid
from penstock.flink.buckets import BucketFailure, Buckets


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


def test_texts_of_flink_can_be_stored_whatever_data_they_quote(buckets: Buckets) -> None:
    assert buckets.scrub("NumberFormatException: a\0b") == "NumberFormatException: a\ufffdb"


def test_texts_of_flink_tell_nothing_of_the_host_beside_the_buckets(buckets: Buckets, tmp_path: Path) -> None:
    said = f"no room in {tmp_path}/engines/default/tmp"
    assert buckets.scrub(said) == "no room in engines/default/tmp"


def test_state_is_complete_with_its_metadata(buckets: Buckets, root: Path) -> None:
    (root / "state" / "half").mkdir(parents=True)
    write_state(root / "state" / "whole")
    assert buckets.state_at("obs://state/half/") is None
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


RUN = "0123456789abcdef" * 2


def test_of_a_checkpoint_the_newest_complete_one_of_its_run_is_found(buckets: Buckets, root: Path) -> None:
    home = root / "penstock" / "jobs"
    write_state(home / RUN / "chk-9", at_s=3_000)
    write_state(home / RUN / "chk-10", at_s=2_000)
    write_state(home / RUN / "savepoint-1", at_s=4_000)
    (home / RUN / "chk-11").mkdir()
    write_state(home / RUN[::-1] / "chk-12", at_s=5_000)
    for known in (8, 9, 10):  # of which Flink has dropped the first
        assert buckets.state_at(f"obs://penstock/jobs/{RUN}/chk-{known}/") == f"obs://penstock/jobs/{RUN}/chk-10/"


def test_no_older_checkpoint_is_taken_for_one_that_is_gone(buckets: Buckets, root: Path) -> None:
    write_state(root / "penstock" / RUN / "chk-9")
    assert buckets.state_at(f"obs://penstock/{RUN}/chk-10/") is None
    assert buckets.state_at(f"obs://penstock/{RUN[::-1]}/chk-1/") is None


def test_a_checkpoint_that_was_copied_elsewhere_is_taken_as_it_is(buckets: Buckets, root: Path) -> None:
    write_state(root / "penstock" / "copies" / "chk-1", at_s=1_000)
    write_state(root / "penstock" / "copies" / "chk-2", at_s=2_000)
    assert buckets.state_at("obs://penstock/copies/chk-1/") == "obs://penstock/copies/chk-1/"


def test_a_bucket_that_the_host_cannot_make_is_told_by_its_address(buckets: Buckets, root: Path) -> None:
    root.mkdir()
    (root / "state").touch()
    with pytest.raises(BucketFailure, match=r"^cannot use obs://state/a/: File exists$"):
        buckets.uri("obs://state/a/")


def test_a_name_that_is_too_long_for_the_host_is_told_by_its_address(buckets: Buckets, root: Path) -> None:
    (root / "state").mkdir(parents=True)
    with pytest.raises(BucketFailure, match=r"^cannot use obs://state/a+/: File name too long$"):
        buckets.state_at(f"obs://state/{'a' * 300}/")


def test_a_link_to_itself_leads_to_no_state(buckets: Buckets, root: Path) -> None:
    (root / "state").mkdir(parents=True)
    (root / "state" / "loop").symlink_to(root / "state" / "loop")
    with pytest.raises(BucketFailure, match="cannot use obs://state/loop/a/: "):
        buckets.state_at("obs://state/loop/a/")


def test_state_is_gone_only_from_a_bucket_that_is_there(buckets: Buckets, root: Path) -> None:
    with pytest.raises(BucketFailure, match=r"^cannot use obs://state/a/: No such file or directory$"):
        buckets.is_gone("obs://state/a/")
    write_state(root / "state" / "a")
    assert not buckets.is_gone("obs://state/a/")
    assert buckets.is_gone("obs://state/b/")


def test_a_folder_of_checkpoints_is_removed(buckets: Buckets, root: Path) -> None:
    home = root / "penstock" / "jobs"
    for number in (1, 2):
        write_state(home / RUN / f"chk-{number}")
    (home / RUN / "shared").mkdir()
    (home / RUN / "shared" / "file").touch()
    (home / RUN / "taskowned").mkdir()
    write_state(home / "another")
    buckets.remove_checkpoints(f"obs://penstock/jobs/{RUN}/")
    assert list(home.iterdir()) == [home / "another"]
    buckets.remove_checkpoints(f"obs://penstock/jobs/{RUN}/")


def test_what_flink_has_not_made_in_a_folder_of_checkpoints_stays(
    buckets: Buckets, root: Path, tmp_path: Path
) -> None:
    home = root / "penstock" / RUN
    write_state(home / "chk-1")
    write_state(home / "savepoint-1")
    write_state(tmp_path / "elsewhere")
    (home / "shared").symlink_to(tmp_path / "elsewhere")
    buckets.remove_checkpoints(f"obs://penstock/{RUN}/")
    assert {each.name for each in home.iterdir()} == {"savepoint-1", "shared"}
    assert (tmp_path / "elsewhere" / "_metadata").exists()


def test_nothing_is_removed_where_a_link_leads_or_no_run_wrote(buckets: Buckets, root: Path) -> None:
    home = root / "penstock"
    write_state(home / "jobs" / "chk-1")
    write_state(home / "there" / RUN / "chk-1")
    (home / "here").symlink_to(home / "there")
    (home / RUN).symlink_to(home / "there" / RUN)
    for folder in ("jobs", f"here/{RUN}", RUN):
        buckets.remove_checkpoints(f"obs://penstock/{folder}/")
    assert (home / "jobs" / "chk-1" / "_metadata").exists()
    assert (home / "there" / RUN / "chk-1" / "_metadata").exists()


def test_no_folder_outside_the_buckets_is_removed(buckets: Buckets, root: Path, tmp_path: Path) -> None:
    write_state(tmp_path / RUN / "chk-1")
    for folder in (f"obs://penstock/../../{RUN}/", f"obs://../{RUN}/", f"obs://{RUN}/"):
        with contextlib.suppress(Invalid):
            buckets.remove_checkpoints(folder)
    assert (tmp_path / RUN / "chk-1" / "_metadata").exists()
