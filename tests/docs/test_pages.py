"""Holds the written pages to the code: links, commands, names and numbers."""

import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import penstock
from docs.coverage import ROOT
from penstock.cli.main import app
from penstock.controller import loop
from penstock.dli.errors import BodyTooLarge, UnknownPath, failure
from penstock.domain import ending, errors, learning, lifecycle
from penstock.domain.job import Status
from penstock.server import app as api
from penstock.server import refused
from tests.serving import Service, Switch, listening, new_folder, service_in

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / name).read_text()


# --- links ---


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(file: Path) -> list[str]:
    broken = []
    for target, anchor in LINK.findall(FENCE.sub("", file.read_text())):
        if target.startswith("https://"):
            continue
        to = (file.parent / target) if target else file
        if not to.exists() or (anchor and anchor not in anchors(to.read_text())):
            broken.append(f"{target}#{anchor}")
    return broken


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    assert broken_links(file) == []


def test_a_link_to_a_missing_file_or_heading_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# One title\n[a](b.md) [b](#one-title) [c](a.md#two) [d](https://example.org/x)")
    assert broken_links(file) == ["b.md#", "a.md#two"]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        file = ahead.pop()
        if file.suffix == ".md" and file not in reached:
            reached.add(file)
            ahead += [(file.parent / target).resolve() for target, _ in LINK.findall(file.read_text()) if target]
    assert set(PAGES) - reached == set()


# --- commands ---


def command_lines(text: str) -> Iterator[str]:
    for language, block in FENCE.findall(text):
        if language == "sh":
            yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def wrong_commands(text: str) -> list[str]:
    """Give the `make` and `penstock` commands of a page that name a target, command or option that is not there."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = []
    for line in command_lines(text):
        made = re.match(r"make ([a-z]+)", line)
        if made and made[1] not in targets:
            wrong.append(line)
        called = re.search(r"(?:^|[/(])penstock((?: [^)#`]+)?)", line)
        if called and not _is_command(called[1].split()):
            wrong.append(line)
    return wrong


def _is_command(words: list[str]) -> bool:
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    told = CliRunner().invoke(app, [*names, "--help"])
    return told.exit_code == 0 and options <= set(re.findall(r"--[\w-]+", told.output))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_exist(file: Path) -> None:
    assert wrong_commands(file.read_text()) == []


def test_a_wrong_command_is_noticed() -> None:
    right = "`make demo`, `penstock serve --port 1`, `penstock keys create --project p --user u`"
    wrong = ["make tea", "penstock brew", "penstock serve --milk", ".venv/bin/penstock keys lose"]
    assert wrong_commands(right) == []
    assert wrong_commands(" ".join(f"`{line}`" for line in wrong)) == wrong


# --- the examples ---


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "template").mkdir()
    switch = Switch()
    key = new_folder(tmp_path / "template")
    with (
        listening(switch) as url,
        service_in(tmp_path / "own", tmp_path / "template", key, url, switch) as running,
    ):
        yield running


def run_example(code: str, service: Service) -> str:
    environment = {
        "PENSTOCK_ENDPOINT": service.url,
        "HUAWEICLOUD_SDK_AK": service.key.access_key,
        "HUAWEICLOUD_SDK_SK": service.key.secret,
        "HUAWEICLOUD_SDK_PROJECT_ID": service.key.project_id,
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def examples(name: str) -> list[str]:
    return [block for language, block in FENCE.findall(page(name)) if language == "python"]


def test_the_first_job_of_the_readme_prints_what_the_readme_says(service: Service) -> None:
    [first_job] = examples("README.md")
    printed = run_example(first_job, service).strip()
    assert printed == "1 first_job job_submitting"
    assert f"It prints `{printed}`" in page("README.md")


def test_the_http_examples_of_the_quickstart_list_the_jobs(service: Service) -> None:
    service.create(name="shown")
    _, client, signature = examples("docs/quickstart.md")
    assert "'name': 'shown'" in run_example(client, service)
    assert run_example(signature, service).startswith("200 ")


# --- names and numbers ---


def test_every_status_has_its_paragraph() -> None:
    paragraphs = dict(re.findall(r"^### `(\w+)`\n\n(\S.*)$", page("docs/lifecycle.md"), re.MULTILINE))
    assert set(paragraphs) == {status.value for status in Status}


def test_the_clocks_have_the_values_of_the_code() -> None:
    told = re.findall(r"^\| `(\w+\.\w+)` \| ([\d.]+) s \|", page("docs/lifecycle.md"), re.MULTILINE)
    in_ms = {
        f"{module}.{name}": value / 1000
        for module, names in {
            each.__name__.rsplit(".")[-1]: vars(each) for each in (lifecycle, learning, ending)
        }.items()
        for name, value in names.items()
        if name.endswith("_MS")
    }
    in_s = {f"loop.{name}": value for name, value in vars(loop).items() if name.endswith("_S")}
    assert {name: float(value) for name, value in told} == in_ms | in_s


def test_every_operation_is_on_the_api_page() -> None:
    lines = {
        f"`{operation.method} {operation.path}`"
        for operation in api.OPERATIONS
        if operation not in refused.OPERATIONS
    }
    assert {line for line in lines if line not in page("docs/api.md")} == set()


def test_every_error_is_on_the_api_page_with_its_status_and_code() -> None:
    kinds = [
        *errors.PenstockError.__subclasses__(),
        *errors.TooMany.__subclasses__(),
        UnknownPath,
        BodyTooLarge,
        Exception,
    ]
    answers = [failure(kind("x")) for kind in kinds]
    rows = {f"| {status} | `{told.error_code}` |" for status, told in answers}
    assert set(re.findall(r"^\| \d{3} \| `[\w.]+` \|", page("docs/api.md"), re.MULTILINE)) == rows


def test_the_tree_and_the_layers_are_those_of_the_code() -> None:
    text = page("docs/architecture.md")
    package = Path(penstock.__file__).parent
    modules = {entry.name + "/" * entry.is_dir() for entry in package.iterdir() if entry.name[0] not in "_."}
    assert {name for name in modules if f"── {name} " not in text} == set()
    contract = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    assert "\n".join(contract["layers"]) in text


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    named = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[^\w-]", each)[0] for each in named}
    assert {name for name in names if f"`{name}`" not in page("docs/decisions/choices.md")} == set()
