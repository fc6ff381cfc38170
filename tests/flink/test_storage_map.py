"""The storage map: what may stand in it, and what is said of what may not."""

from pathlib import Path

import pytest

from penstock.flink import server_bucket, storage_map
from penstock.flink.addresses import Addresses
from penstock.flink.storage_map import BadMap, InFolder, OnServer, StorageMap

SERVER = 'endpoint = "http://s3.test:9000/"\naccess_key = "AK"\nsecret_key = "SK"\n'


def read(tmp_path: Path, text: str, **environment: str) -> StorageMap:
    file = tmp_path / "storage.toml"
    file.write_text(text)
    return storage_map.read(file, environment)


def test_a_map_names_folders_and_servers(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("SK2\n")
    found = read(
        tmp_path,
        f"""
        [state]
        folder = "state"

        ["logs.of.jobs"]
        {SERVER}

        [jars]
        endpoint = "https://s3.test"
        region = "eu-1"
        bucket = "real-jars"
        prefix = "/flink/jars/"
        access_key_env = "JARS_KEY"
        secret_key_file = "key"

        [default]
        folder = "/srv/others"
        """,
        JARS_KEY="AK2",
    )
    assert found == StorageMap(
        {
            "state": InFolder(tmp_path / "state"),
            "logs.of.jobs": OnServer("http://s3.test:9000", "logs.of.jobs", "AK", "SK"),
            "jars": OnServer("https://s3.test", "real-jars", "AK2", "SK2", "eu-1", "flink/jars"),
        },
        default=InFolder(Path("/srv/others")),
    )
    assert found.home_of("other") == InFolder(Path("/srv/others/other"), is_made=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[state]\nfolder = a\n", ": Invalid value (at line 2, column 10)"),
        ("\n[state]\n", "line 2, table 'state': it names no place; a table has either `folder`, or `endpoint`"),
        ("\n[state]\nfolders = 'a'\n", "line 2, table 'state': Object contains unknown field `folders`"),
        ("[state]\nfolder = 1\n", "line 1, table 'state': Expected `str | null`, got `int`"),
        ("[State]\nfolder = 'a'\n", "line 1, table 'State': 'State' is not a bucket name"),
        ("[my.state]\nfolder = 'a'\n", "line 1, table 'my': 'my' is not a bucket name"),
        ("state = 1\n", "line 1, table 'state': Expected `object`, got `int`"),
        ("[state]\nfolder = 'a'\nprefix = 'b'\n", "a folder has no other settings"),
        ("[state]\nendpoint = 's3.test'\n", "endpoint must be the http or https address"),
        ("[state]\nendpoint = 'http://u:secret@s3.test'\n", "endpoint must be the http or https address"),
        ("[state]\nendpoint = 'http://s3.test'\n", "access_key must be given in exactly one way"),
        (f"[state]\n{SERVER}secret_key_env = 'A'\n", "secret_key must be given in exactly one way"),
        ("[a-b]\nendpoint='http://s3.test'\naccess_key='A'\nsecret_key_env='NO'\n", "secret_key_env gives no key"),
        ("[a-b]\nendpoint='http://s3.test'\naccess_key='A'\nsecret_key_file='no'\n", "No such file or directory"),
        (f"[state]\n{SERVER}prefix = '../a'\n", "is not an address"),
        (
            f"[state]\n{SERVER}[one]\n{SERVER}bucket = 'state'\n",
            "line 5, table 'one': table 'state' has the same place",
        ),
        (
            "[one]\nfolder = 'a'\n[two]\nfolder = 'a/b'\nprojects = ['p2']\n",
            "table 'one' has a place that holds this one, or lies in it, for other projects",
        ),
        (
            f"[state]\n{SERVER}[one]\n{SERVER.replace('9000', '9001')}bucket = 'state'\nprefix = 'a'\n",
            "table 'state' has a bucket of the same name on another server, or other keys",
        ),
        (
            "[state]\nfolder = 'all/other'\n[default]\nfolder = 'all'\n",
            "line 1, table 'state': it lies in the folder of the bucket 'other' of the table 'default'",
        ),
        (
            f"[default]\n{SERVER}bucket = 'one'\n[state]\n{SERVER}bucket = 'one'\nprefix = 'other/a'\n",
            "line 6, table 'state': it lies in the folder of the bucket 'other' of the table 'default'",
        ),
        ("[state]\nfolder = 'a'\nprojects = 'p'\n", "Expected `array | null`, got `str` - at `$.projects`"),
    ],
)
def test_a_malformed_map_is_refused_with_its_line_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadMap) as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "[state]\nfolder = 'all/state/a'\n[default]\nfolder = 'all'\n",
        "[state]\nfolder = 'all/other'\n[other]\nfolder = 'b'\n[default]\nfolder = 'all'\n",
        "[state]\nfolder = 'all2/other'\n[default]\nfolder = 'all'\n",
        f"[state]\n{SERVER}prefix = 'other'\n[default]\n{SERVER}",
    ],
)
def test_what_no_bucket_of_the_default_reaches_is_a_place_of_its_own(tmp_path: Path, text: str) -> None:
    assert "state" in read(tmp_path, text).homes


def test_a_bucket_is_there_for_the_projects_that_it_is_given_to(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"[state]\nfolder = 'a'\nprojects = ['p1']\n[real]\n{SERVER}projects = []\n[default]\nfolder = 'b'\n"
        "projects = ['p2']\n[open]\nfolder = 'c'\n",
    )
    allowed = {
        name: [p for p in ("p1", "p2") if found.home_of(name, p)] for name in ("state", "real", "any", "open")
    }
    assert allowed == {"state": ["p1"], "real": [], "any": ["p2"], "open": ["p1", "p2"]}
    assert all(found.home_of(name) for name in allowed)


def test_jobs_that_name_no_bucket_have_a_place_although_the_default_is_not_for_their_project(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, "[default]\nfolder = 'a'\nprojects = ['p1']\n").with_built_in(tmp_path / "built")
    assert found.home_of("penstock", "p2") == InFolder(tmp_path / "built" / "penstock", is_made=True)
    assert found.home_of("other", "p2") is None


def test_a_map_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMap, match="No such file or directory"):
        storage_map.read(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("text", "mode", "exposed"),
    [(SERVER, 0o640, True), (SERVER, 0o600, False), ("folder = 'a'\n", 0o644, False)],
)
def test_a_map_with_a_secret_that_others_can_read_is_noticed(
    tmp_path: Path, text: str, mode: int, exposed: bool
) -> None:
    read(tmp_path, f"[state]\n{text}")
    (tmp_path / "storage.toml").chmod(mode)
    assert storage_map.is_exposed(tmp_path / "storage.toml") is exposed


def test_a_name_on_another_server_is_not_the_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, f"[state]\n{SERVER}bucket = 'real'\n[default]\n{SERVER.replace('9000', '9001')}")
    assert found.home_of("real") is None
    assert found.home_of("other") == OnServer("http://s3.test:9001", "other", "AK", "SK")


def test_flink_is_told_no_key_but_under_a_name_that_it_keeps_secret(tmp_path: Path) -> None:
    found = read(tmp_path, f"[state]\n{SERVER}[default]\n{SERVER.replace('9000', '9001')}region = 'eu-1'\n")
    settings = server_bucket.flink_settings(found)
    assert (
        settings.items()
        >= {
            "s3.bucket.state.endpoint": "http://s3.test:9000",
            "s3.bucket.state.endpoint.region": "us-east-1",
            "s3.bucket.state.path.style.access": "true",
            "s3.bucket.state.access.key": "${fs.s3a.secret.0.access}",
            "s3.bucket.state.secret.key": "${fs.s3a.secret.0.secret}",
            "s3.secret.0.access": "AK",
            "s3.secret.0.secret": "SK",
            "s3.endpoint": "http://s3.test:9001",
            "s3.endpoint.region": "eu-1",
            "s3.path.style.access": "true",
            "s3.access.key": "${fs.s3a.secret.1.access}",
            "s3.secret.key": "${fs.s3a.secret.1.secret}",
            "s3.secret.1.access": "AK",
            "s3.secret.1.secret": "SK",
        }.items()
    )
    assert all("secret" in key for key, value in settings.items() if value in ("AK", "SK"))


def test_flink_is_told_nothing_of_folders(tmp_path: Path) -> None:
    assert server_bucket.flink_settings(read(tmp_path, "[state]\nfolder = 'a'\n")) == {}


def test_no_text_or_value_tells_a_key(tmp_path: Path) -> None:
    found = read(tmp_path, f"[state]\n{SERVER}bucket = 'real'\nprefix = 'pre'\n")
    addresses = Addresses(found, tmp_path)
    said = "AccessDenied for AK with SK at s3a://real/pre/a, s3://real/other and s3://real2/pre/a; ASK"
    assert addresses.scrub(said) == (
        "AccessDenied for *** with *** at obs://state/a, s3://real/other and s3://real2/pre/a; ASK"
    )
    assert addresses.of("s3://real/other/a") is None
    assert "SK" not in repr(found)
