"""A Flink session cluster that the service has not started, behind a wire that can be cut."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import platformdirs

from penstock.domain import lines
from penstock.flink import distribution
from penstock.flink.cluster import LocalCluster
from tests.real.chaos.wire import Wire

QUEUE = "outside"
_SLOTS = 8


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Wire]:
    """Start a cluster of somebody else's in the folder, and give the wire to its REST port."""
    home = distribution.install(
        lines.RELEASES[lines.DEFAULT], platformdirs.user_cache_path("penstock"), lambda *_: None
    )
    cluster = LocalCluster(home, folder, QUEUE, _SLOTS)
    with contextlib.ExitStack() as ends:
        ends.callback(cluster.stop)
        port = httpx.URL(cluster.start().rest_url).port
        assert port is not None
        yield ends.enter_context(contextlib.closing(Wire(port)))
