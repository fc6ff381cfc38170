"""Users, projects and keys."""

import uuid
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from penstock.domain.roles import Role
from penstock.store import access
from penstock.store.database import Database
from penstock.store.vault import Vault, WrongKey


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key())


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4().hex}"


@pytest.fixture
def project_name() -> str:
    return f"project-{uuid.uuid4().hex}"


def test_a_key_is_found_by_its_public_half_with_its_user_and_project(
    database: Database, vault: Vault, user: str, project_name: str
) -> None:
    with database.write() as tx:
        made = access.create_key(tx, vault, project=project_name, user=user, now=1)
    with database.read() as tx:
        assert access.find_key(tx, vault, made.access_key) == made
        assert access.find_key(tx, vault, made.secret) is None
    assert (made.user_name, made.roles) == (user, {made.project_id: Role.ADMIN})
    assert (len(made.access_key), len(made.secret)) == (20, 40)


def test_names_that_exist_are_used_again_and_a_user_is_in_every_project_named(
    database: Database, vault: Vault, user: str, project_name: str
) -> None:
    with database.write() as tx:
        first = access.create_key(tx, vault, project=project_name, user=user, now=1)
        second = access.create_key(tx, vault, project=f"{project_name}-2", user=user, now=2)
        third = access.create_key(tx, vault, project=project_name, user=f"{user}-2", now=3)
        found = access.find_key(tx, vault, first.access_key)
    both = dict.fromkeys((first.project_id, second.project_id), Role.ADMIN)
    assert found == replace(first, roles=both)
    assert (second.user_id, second.roles) == (first.user_id, both)
    assert (third.project_id, third.roles) == (first.project_id, {first.project_id: Role.ADMIN})
    assert len({first.access_key, second.access_key, third.access_key}) == 3


def test_the_secrets_cannot_be_read_with_another_key_file(
    database: Database, vault: Vault, user: str, project_name: str
) -> None:
    with database.write() as tx:
        made = access.create_key(tx, vault, project=project_name, user=user, now=1)
        with pytest.raises(WrongKey, match="not the one that the stored secrets were encrypted with"):
            access.find_key(tx, Vault(Fernet.generate_key()), made.access_key)
