from pathlib import Path

import pytest

from tests.parts import artifacts
from tests.parts.leash import free_port


def test_a_part_that_is_not_in_the_cache_is_skipped_where_no_registry_is_reachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(artifacts.Unreachable, match="it cannot be reached"):
        artifacts.jars("kafka", tmp_path)
