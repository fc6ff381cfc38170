"""Addresses in buckets: what is one, and where the state of a job goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain import bucket
from penstock.domain.errors import Invalid
from penstock.domain.job import JobConfig
from tests.domain.cases import job

FOLDERS = st.lists(st.text("ab.-_ ü%~:#", min_size=1).filter(lambda name: name not in (".", "..")), max_size=4)


@given(FOLDERS, st.sampled_from(["", "obs://", "s3://"]), st.sampled_from(["", "/", "//"]))
def test_every_way_to_write_an_address_gives_the_same_one(folders: list[str], scheme: str, end: str) -> None:
    address = bucket.parse(scheme + "/".join(["state", *folders]) + end)
    assert address == "obs://" + "".join(f"{part}/" for part in ["state", *folders])
    assert bucket.parse(address) == address
    assert bucket.split(address) == ("state", tuple(folders))


@pytest.mark.parametrize(
    "key", ["..", "../a", "a/..", "a/../../b", "a/./b", "a//b", "a\nb", "a\x00b", "a\x7fb", "a\n"]
)
@pytest.mark.parametrize("scheme", ["", "obs://"])
def test_a_key_that_leads_elsewhere_is_not_an_address(scheme: str, key: str) -> None:
    with pytest.raises(Invalid, match="is not an address"):
        bucket.parse(f"{scheme}state/{key}")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/",
        "obs://",
        "obs:///a/",
        "obs://obs://state/",
        "obs://s3://state/",
        "s3a://state/a/",
        "file:///etc/passwd",
        "/etc/passwd",
        "../a",
    ],
)
def test_other_schemes_and_paths_of_the_host_are_not_addresses(address: str) -> None:
    with pytest.raises(Invalid):
        bucket.parse(address)


@pytest.mark.parametrize("name", ["abc", "a-b.c9", "0-0", "a" * 63, "1.2.3", "a--b"])
def test_a_name_that_obs_allows_is_a_bucket_name(name: str) -> None:
    assert bucket.check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "-ab",
        "ab-",
        ".ab",
        "ab.",
        "a..b",
        "a.-b",
        "a-.b",
        "a_b",
        "aBc",
        "a b",
        "1.2.3.4",
        "üü1",
        "abc\n",
    ],
)
def test_a_name_that_obs_does_not_allow_is_refused_by_name(name: str) -> None:
    for check in (bucket.check_name, bucket.parse):
        with pytest.raises(Invalid, match="is not a bucket name"):
            check(name)


@pytest.mark.covers("E26")
@pytest.mark.parametrize(
    ("config", "path"),
    [
        (JobConfig(), "obs://penstock/jobs/checkpoint/7/"),
        (JobConfig(bucket="state"), "obs://state/jobs/checkpoint/7/"),
        (JobConfig(bucket="state", checkpoint_path="other/place"), "obs://other/place/"),
    ],
)
def test_checkpoints_go_where_the_job_says_or_to_a_folder_of_its_own(config: JobConfig, path: str) -> None:
    assert bucket.checkpoint_path(job(id=7, config=config)) == path


def test_a_savepoint_without_a_place_goes_to_a_folder_named_for_its_time_in_utc() -> None:
    at = 1_735_689_609_999  # 2025-01-01 00:00:09.999 UTC
    place = "jobs/savepoint/7/2025-01-01_00-00-09/"
    assert bucket.savepoint_path(job(id=7), at) == f"obs://penstock/{place}"
    assert bucket.savepoint_path(job(id=7, config=JobConfig(bucket="state")), at) == f"obs://state/{place}"
