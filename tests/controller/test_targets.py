"""Sending to real receivers, and what is told of a target's URL."""

import io
import logging
from collections.abc import Iterator

import pytest

from penstock.controller import targets
from tests import receivers


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the root logger is given, as the service writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_a_web_hook_is_sent_title_and_body() -> None:
    with receivers.web_hook() as hook:
        targets.send(hook.target, "Penstock job 7", "status: broken\nreason: ½ & <b>")
    (message,) = hook.messages
    assert (message["title"], message["message"]) == ("Penstock job 7", "status: broken\nreason: ½ & <b>")
    assert message["type"] == "failure"


def test_a_mail_has_every_line_of_the_body() -> None:
    with receivers.mail_server() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=flink@example.org&to=oncall@example.org"
        targets.send(url, "Penstock job 7", "status: broken\nreason: 1 < 2")
    (mail,) = box.mails
    assert (mail["To"], mail["Subject"]) == ("oncall@example.org", "Penstock job 7")
    text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    assert text.get_content().splitlines()[:2] == ["status: broken", "reason: 1 < 2"]


def test_a_target_that_refuses_is_told_of_without_its_secrets(log: io.StringIO) -> None:
    with receivers.web_hook() as hook:
        hook.status = 503
        url = hook.target.replace("127.0.0.1", "anna:hunter2@127.0.0.1")
        with pytest.raises(targets.Undelivered) as refused:
            targets.send(url, "t", "b")
    assert str(refused.value).startswith(f"json://127.0.0.1:{hook.port} has not taken it: ")
    assert "503" in str(refused.value)
    assert "hunter2" not in str(refused.value) + log.getvalue()


def test_a_target_that_is_away_is_told_of() -> None:
    with receivers.web_hook() as hook:
        pass
    with pytest.raises(targets.Undelivered, match=f"json://127.0.0.1:{hook.port} has not taken it: .*onnection"):
        targets.send(hook.target, "t", "b")


def test_of_what_went_wrong_nothing_is_told_that_the_url_holds_beside_kind_and_host() -> None:
    with receivers.mail_server() as box:
        pass
    with pytest.raises(targets.Undelivered) as refused:
        targets.send(f"mailto://anna:hunter2@example.org?smtp=127.0.0.1:{box.port}", "t", "b")
    assert "mailto://example.org" in str(refused.value)
    assert "onnection" in str(refused.value)
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("json://anna:hunter2@hook.example.org:8080/hunter2?+X-Token=hunter2", "json://hook.example.org:8080"),
        ("JSONS://hook.example.org/hunter2", "jsons://hook.example.org"),
        ("mailto://anna:hunter2@mail.example.org", "mailto://mail.example.org:25"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#oncall", "slack://…"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://…"),
    ],
)
def test_of_a_target_no_more_is_shown_than_its_kind_and_a_host_that_is_no_token(url: str, expected: str) -> None:
    assert targets.shown(url) == expected


@pytest.mark.parametrize("url", ["", "hunter2", "nope://hunter2@host", "json://", "slack://hunter2"])
def test_what_names_no_target_is_refused_without_being_told(url: str, log: io.StringIO) -> None:
    with pytest.raises(targets.BadTarget) as refused:
        targets.shown(url)
    assert "hunter2" not in str(refused.value) + log.getvalue()
