import json

import pytest

from penstock.domain import log_levels
from penstock.domain.errors import Invalid
from penstock.domain.log_levels import LogLevels


def test_levels_are_for_all_and_for_single_loggers() -> None:
    text = '{"root_logger_level":"WARN","loggers_level_of_class":{"org.apache.flink":"DEBUG"}}'
    assert log_levels.parse(text) == LogLevels("WARN", {"org.apache.flink": "DEBUG"})
    assert log_levels.parse("{}") == log_levels.parse(None) == LogLevels("INFO", {})


@pytest.mark.parametrize("name", ["", "a b", "a\nappender.x.type=Socket", "a..b", "${env:HOME}"])
def test_a_logger_has_the_name_of_a_class(name: str) -> None:
    text = json.dumps({"loggers_level_of_class": {name: "INFO"}})
    with pytest.raises(Invalid, match="is not the name of a class or a package"):
        log_levels.parse(text)
