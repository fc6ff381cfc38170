import logging

import pytest

from penstock.telemetry import Metrics, OneLine, set_up_logging


def test_a_record_is_one_line_with_its_traceback() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        record = logging.LogRecord("penstock.x", logging.ERROR, "", 1, "a\nb", None, (type(error), error, None))
    line = OneLine().format(record)
    assert "\n" not in line
    assert line.endswith("ERROR penstock.x: a\\nb\\nValueError: first\\nsecond")


def test_libraries_are_quiet_and_we_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("penstock").level
    try:
        set_up_logging()
        logging.getLogger("httpx").info("GET http://somewhere")
        logging.getLogger("penstock.access").info("GET /healthz")
    finally:
        root.handlers[:], root.level = before[0], before[1]
        logging.getLogger("penstock").setLevel(before[2])
    assert capsys.readouterr().err.endswith("INFO penstock.access: GET /healthz\n")


def test_two_services_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.engine_up.labels(1).set(1)
    first.look_seconds.observe(0.2)
    assert b'penstock_engine_up{queue_id="1"} 1.0' in first.render({})
    assert b"penstock_look_seconds_count 1.0" in first.render({})
    assert b"penstock_engine_up{" not in second.render({"job_init": 2})
    assert b'penstock_jobs{status="job_init"} 2.0' in second.render({})
