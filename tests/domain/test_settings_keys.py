import pytest

from penstock.domain import settings_keys


@pytest.mark.parametrize(
    ("key", "denied"),
    [
        ("rest.bind-address", True),
        ("security.ssl.rest.enabled", True),
        ("env.java.opts.all", True),
        ("high-availability.storageDir", False),
        ("pipeline.jars", True),
        ("$internal.application.main", True),
        ("python.executable", True),
        ("python.fn-execution.bundle.size", False),
        ("pipeline.name", False),
        ("table.exec.mini-batch.enabled", False),
        ("my.rest.port", False),
        ("restart-strategy.type", False),
    ],
)
def test_keys_that_open_the_engine_are_denied(key: str, denied: bool) -> None:
    assert settings_keys.is_denied(key) is denied
