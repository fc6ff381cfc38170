"""Tokens: issued, found by their text, revoked."""

import uuid

from penstock.store import members, tokens
from penstock.store.database import Database
from penstock.store.members import User


def new_user(database: Database) -> User:
    with database.write() as tx:
        return members.create_user(tx, f"user-{uuid.uuid4().hex}")


def test_a_token_is_found_by_its_text_with_its_user_project_and_times(database: Database, project: str) -> None:
    user = new_user(database)
    with database.write() as tx:
        text = tokens.issue(tx, user_id=user.id, project_id=project, method="hw_ak_sk", now=7)
        found = tokens.find(tx, text)
        assert tokens.find(tx, text + "x") is None
    assert found is not None
    assert (found.user_id, found.user_name, found.method) == (user.id, user.name, "hw_ak_sk")
    assert (found.project_id, found.project) == (project, project)
    assert (found.issued_at, found.expires_at) == (7, 7 + 24 * 3600 * 1000)
    assert text not in (found.sha256, repr(found))


def test_one_is_revoked_alone_or_with_all_of_its_user(database: Database) -> None:
    user, other = new_user(database), new_user(database)
    with database.write() as tx:
        texts = [
            tokens.issue(tx, user_id=owner.id, project_id=None, method="password", now=7)
            for owner in (user, user, user, other)
        ]
        first = tokens.find(tx, texts[0])
        assert first is not None
        tokens.revoke(tx, first)
        assert [tokens.find(tx, text) is None for text in texts] == [True, False, False, False]
        tokens.revoke_all(tx, user.id)
        assert [tokens.find(tx, text) is None for text in texts] == [True, True, True, False]
