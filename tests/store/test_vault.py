"""The key file, and what it protects."""

from pathlib import Path

import pytest

from penstock.store import access
from penstock.store import database as opening
from penstock.store.vault import WrongKey, open_vault


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    encrypted = open_vault(file).encrypt("s3cret")
    assert open_vault(file).decrypt(encrypted) == "s3cret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_key_file_that_was_half_written_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secret.new").write_bytes(b"half")
    assert open_vault(tmp_path / "secret.key").decrypt(open_vault(tmp_path / "secret.key").encrypt("s")) == "s"


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff" * 44])
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret.key"
    file.write_bytes(content)
    with pytest.raises(WrongKey, match="does not hold a key"):
        open_vault(file)
    assert file.read_bytes() == content


def test_a_secret_that_was_changed_on_disk_is_refused(tmp_path: Path) -> None:
    vault = open_vault(tmp_path / "secret.key")
    encrypted = bytearray(vault.encrypt("s3cret"))
    encrypted[-5] ^= 1
    with pytest.raises(WrongKey):
        vault.decrypt(bytes(encrypted))


def test_no_file_of_the_database_holds_a_secret_in_the_clear(tmp_path: Path) -> None:
    database = opening.open_database(opening.sqlite_url(tmp_path / "penstock.db"))
    with database.write() as tx:
        key = access.create_key(tx, open_vault(tmp_path / "secret.key"), project="p", user="u", now=1)
    held = [file.read_bytes() for file in tmp_path.iterdir()]
    database.close()
    held += [file.read_bytes() for file in tmp_path.iterdir()]
    assert any(key.access_key.encode() in content for content in held)
    assert not any(key.secret.encode() in content for content in held)
