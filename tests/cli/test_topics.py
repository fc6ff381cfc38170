"""`penstock topics`, on a data directory, without a service."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from penstock import service
from penstock.cli.main import app
from penstock.settings import Settings
from tests import receivers

Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run a command of topics on a new data directory."""
    settings = replace(Settings(), data_dir=tmp_path / "data")
    service.open_storage(settings).database.close()

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, ["topics", *words, "--data-dir", str(settings.data_dir)], input=stdin)

    return run


def test_topics_are_added_listed_without_their_secrets_and_removed(command: Command) -> None:
    added = command("add", "oncall", "jsons://anna:hunter2@hook.example.org/hunter2")
    assert (added.exit_code, added.output) == (0, "added topic oncall, which leads to jsons://hook.example.org\n")
    read = command("add", "chat", "-", stdin="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/\n")
    assert read.output == "added topic chat, which leads to slack://…\n"
    listed = json.loads(command("list", "--json").output)
    assert [(topic["name"], topic["target"]) for topic in listed] == [
        ("chat", "slack://…"),
        ("oncall", "jsons://hook.example.org"),
    ]
    assert "jsons://hook.example.org" in command("list").output
    assert command("remove", "oncall").output == "removed topic oncall\n"
    assert [topic["name"] for topic in json.loads(command("list", "--json").output)] == ["chat"]


def test_what_cannot_be_added_is_refused_without_telling_its_secret(command: Command) -> None:
    command("add", "oncall", "json://hook")
    for words, told in [
        (("oncall", "json://hunter2"), "a topic named 'oncall' exists already"),
        (("on call", "json://hunter2"), "a topic's name has 1 to 255 letters"),
        (("other", "hunter2"), "the URL names no target"),
    ]:
        refused = command("add", *words)
        assert refused.exit_code == 1
        assert refused.stderr.startswith(f"penstock: {told}")
        assert "hunter2" not in refused.output
    assert len(json.loads(command("list", "--json").output)) == 1


def test_a_topic_is_tried_out(command: Command) -> None:
    with receivers.web_hook() as hook:
        command("add", "oncall", hook.target)
        done = command("test", "oncall")
        assert (done.exit_code, done.output) == (0, f"sent a message to json://127.0.0.1:{hook.port}\n")
        assert [message["title"] for message in hook.messages] == ["Penstock: test of topic oncall"]
        hook.status = 500
        failed = command("test", "oncall")
    assert failed.exit_code == 1
    assert failed.stderr.startswith(f"penstock: json://127.0.0.1:{hook.port} has not taken it: ")


@pytest.mark.parametrize("word", ["remove", "test"])
def test_an_unknown_topic_is_told_of(command: Command, word: str) -> None:
    done = command(word, "nobody")
    assert (done.exit_code, done.stderr) == (1, "penstock: topic 'nobody' does not exist\n")
