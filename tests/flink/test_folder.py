"""Buckets as folders of the host: nothing leads out of them, and what the system refuses is told."""

import contextlib
import os
import time
from pathlib import Path

import pytest

from penstock.domain.errors import Invalid
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.storage_map import InFolder, StorageMap
from tests.flink.test_buckets import RUN, write_state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "all buckets"


@pytest.fixture
def buckets(root: Path) -> Buckets:
    return Buckets(root)


def test_a_path_that_flink_names_has_the_address_of_its_uri(buckets: Buckets) -> None:
    uri = buckets.uri("state/für Ann/#1%20")
    assert buckets.address(uri.replace("file://", "file:")) == "obs://state/für Ann/#1%20/"
    assert buckets.address(uri.removeprefix("file://")) == "obs://state/für Ann/#1%20/"


def test_a_place_outside_the_buckets_has_no_address(buckets: Buckets, tmp_path: Path) -> None:
    assert buckets.address(f"file:{tmp_path}/elsewhere") is None


def test_a_bucket_is_made_at_its_first_use_for_its_owner_only(buckets: Buckets, root: Path) -> None:
    buckets.uri("obs://state/a/")
    assert (root / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_the_map_names_is_not_made(root: Path) -> None:
    buckets = Buckets(root, StorageMap({"state": InFolder(root / "not mounted")}))
    with pytest.raises(BucketFailure, match=r"^cannot use obs://state/a/: No such file or directory$"):
        buckets.uri("obs://state/a/")
    assert not root.exists()


def test_a_bucket_in_a_folder_of_another_is_told_by_its_own_name(root: Path) -> None:
    inner = InFolder(root / "state" / "inner")
    buckets = Buckets(root, StorageMap({"own": inner}, default=InFolder(root)))
    assert buckets.address(f"{root}/state/inner/a") == "obs://own/a/"
    assert buckets.scrub(f"{root}/state/inner/a {root}/state/a") == "obs://own/a obs://state/a"


def test_a_link_that_leads_out_of_its_bucket_is_not_followed(buckets: Buckets, root: Path, tmp_path: Path) -> None:
    write_state(tmp_path / "elsewhere" / "savepoint-1")
    (root / "state").mkdir(parents=True)
    (root / "state" / "link").symlink_to(tmp_path / "elsewhere")
    (root / "state" / "savepoint-2").symlink_to(tmp_path / "elsewhere" / "savepoint-1")
    with pytest.raises(Invalid, match="leads out of its bucket"):
        buckets.uri("obs://state/link/a/")
    with pytest.raises(Invalid, match="leads out of its bucket"):
        buckets.download("obs://state/link/savepoint-1/_metadata", tmp_path / "target", limit=9)
    with pytest.raises(Invalid, match="leads out of its bucket"):
        buckets.upload(tmp_path / "elsewhere" / "savepoint-1" / "_metadata", "obs://state/link/a")
    assert buckets.state_at("obs://state/") is None
    assert [each.name for each in (tmp_path / "elsewhere").iterdir()] == ["savepoint-1"]


def test_texts_of_flink_name_addresses_instead_of_paths(buckets: Buckets, root: Path) -> None:
    said = f"cannot read file:{root}/state/a/_metadata, file://{root}/state/b or {root}/other/c."
    assert buckets.scrub(said) == "cannot read obs://state/a/_metadata, obs://state/b or obs://other/c."


def test_texts_of_flink_can_be_stored_whatever_data_they_quote(buckets: Buckets) -> None:
    assert buckets.scrub("NumberFormatException: a\0b") == "NumberFormatException: a\ufffdb"


def test_texts_of_flink_tell_nothing_of_the_host_beside_the_buckets(buckets: Buckets, tmp_path: Path) -> None:
    said = f"no room in {tmp_path}/engines/default/tmp"
    assert buckets.scrub(said) == "no room in engines/default/tmp"


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


def test_a_link_among_the_checkpoints_stays(buckets: Buckets, root: Path, tmp_path: Path) -> None:
    write_state(root / "state" / RUN / "chk-1")
    write_state(tmp_path / "elsewhere")
    (root / "state" / RUN / "shared").symlink_to(tmp_path / "elsewhere")
    buckets.remove_checkpoints(f"obs://state/{RUN}/")
    assert [each.name for each in (root / "state" / RUN).iterdir()] == ["shared"]
    assert (tmp_path / "elsewhere" / "_metadata").exists()


def test_nothing_is_removed_where_a_link_leads(buckets: Buckets, root: Path) -> None:
    home = root / "state"
    write_state(home / "there" / RUN / "chk-1")
    (home / "here").symlink_to(home / "there")
    (home / RUN).symlink_to(home / "there" / RUN)
    for folder in (f"here/{RUN}", RUN):
        buckets.remove_checkpoints(f"obs://state/{folder}/")
    assert (home / "there" / RUN / "chk-1" / "_metadata").exists()


def test_no_folder_outside_the_buckets_is_removed(buckets: Buckets, tmp_path: Path) -> None:
    write_state(tmp_path / RUN / "chk-1")
    for folder in (f"obs://state/../../{RUN}/", f"obs://../{RUN}/", f"obs://{RUN}/"):
        with contextlib.suppress(Invalid):
            buckets.remove_checkpoints(folder)
    assert (tmp_path / RUN / "chk-1" / "_metadata").exists()


def test_a_file_that_cannot_be_written_leaves_nothing(buckets: Buckets, root: Path, tmp_path: Path) -> None:
    (root / "state" / "a").mkdir(parents=True)
    (tmp_path / "source").write_bytes(b"x")
    with pytest.raises(BucketFailure, match=r"^cannot use obs://state/a: Is a directory$"):
        buckets.upload(tmp_path / "source", "obs://state/a")
    assert [each.name for each in (root / "state").iterdir()] == ["a"]


def test_what_a_killed_process_has_left_of_a_file_is_removed_later(
    buckets: Buckets, root: Path, tmp_path: Path
) -> None:
    folder = root / "state" / "a"
    folder.mkdir(parents=True)
    for name, at_s in ((".penstock-old", 1_000), (".penstock-new", time.time()), ("kept", 1_000)):
        (folder / name).touch()
        os.utime(folder / name, (at_s, at_s))
    (tmp_path / "source").write_bytes(b"x")
    buckets.upload(tmp_path / "source", "obs://state/a/b")
    assert {each.name for each in folder.iterdir()} == {".penstock-new", "kept", "b"}


def test_a_file_in_a_folder_that_is_not_mounted_cannot_be_looked_for(root: Path, tmp_path: Path) -> None:
    buckets = Buckets(root, StorageMap({"state": InFolder(root / "not mounted")}))
    with pytest.raises(BucketFailure, match=r"^cannot use obs://state/a.jar: No such file or directory$"):
        buckets.download("obs://state/a.jar", tmp_path / "target", limit=9)
