"""Settings: options over the environment over the defaults."""

import dataclasses
from pathlib import Path
from typing import get_type_hints

import pytest

from penstock import settings
from penstock.settings import BadSetting, Settings


def test_without_options_and_environment_every_setting_has_its_default() -> None:
    assert settings.load({}, {}) == Settings()
    assert (Settings().host, Settings().port) == ("127.0.0.1", 8380)


def test_an_option_wins_over_the_environment_and_that_over_the_default() -> None:
    environment = {"PENSTOCK_PORT": "9001", "PENSTOCK_HOST": "0.0.0.0", "PORT": "1", "PENSTOCK_NOTHING": "x"}
    loaded = settings.load({"port": 9002, "host": None, "unknown": 1}, environment)
    assert loaded == dataclasses.replace(Settings(), host="0.0.0.0", port=9002)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert settings.load({}, {"PENSTOCK_PORT": "", "PENSTOCK_DATABASE_URL": ""}) == Settings()


@pytest.mark.parametrize(
    ("text", "wanted"), [("true", True), ("1", True), ("True", True), ("false", False), ("0", False)]
)
def test_a_switch_is_read_from_words_and_numbers(text: str, wanted: bool) -> None:
    assert settings.load({}, {"PENSTOCK_STOP_ENGINES": text}).stop_engines is wanted


@pytest.mark.parametrize("name", ["data_dir", "cache_dir", "flink_home", "java"])
def test_paths_become_absolute_wherever_they_come_from(name: str) -> None:
    variable = {f"PENSTOCK_{name.upper()}": "~/place"}
    assert getattr(settings.load({}, variable), name) == Path.home() / "place"
    assert getattr(settings.load({name: Path("place")}, {}), name) == Path.cwd() / "place"


@pytest.mark.parametrize(
    ("given", "cus"),
    [({"PENSTOCK_QUEUE_SLOTS": "3"}, 6), ({"PENSTOCK_QUEUE_SLOTS": "3", "PENSTOCK_QUEUE_CUS": "40"}, 40)],
)
def test_a_queue_has_two_compute_units_for_each_of_its_slots_unless_told_otherwise(
    given: dict[str, str], cus: int
) -> None:
    loaded = settings.load({}, given)
    assert (loaded.queue_slots, loaded.queue_cus) == (3, cus)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "http"),
        ("port", "-1"),
        ("port", "65536"),
        ("queue_slots", "0"),
        ("queue_cus", "1"),
        ("stop_engines", "perhaps"),
        ("log_level", "LOUD"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_setting(name: str, value: str) -> None:
    variable = f"PENSTOCK_{name.upper()}"
    told = rf"^{variable} \(--{name.replace('_', '-')}\): .*, got '{value}'$"
    for options, environment in (({}, {variable: value}), ({name: value}, {})):
        with pytest.raises(BadSetting, match=told):
            settings.load(options, environment)


def test_every_setting_says_in_one_line_what_it_does() -> None:
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        line = settings.description(kind)
        assert line.endswith("."), name
        assert "\n" not in line, name
