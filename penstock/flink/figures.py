"""What flows through a run: the counters that Flink keeps of its sources and sinks."""

import re
import time
from collections.abc import Mapping

from penstock.domain.graph import Figures, Flow
from penstock.flink.rest import FlinkRest

_PATIENCE_S = 3.0
_POLL_S = 0.2
_SOURCE = re.compile(r"Source__(?P<name>.*)\.numRecordsOut")
_SINK = re.compile(r"(?=Sink__|.*__Writer\.)(?:Sink__)?(?P<name>.*?)(?:__Writer)?\.numRecordsIn")
"""Flink writes `Source: orders[1]` and `orders[1]: Writer` with underlines."""
_NODE = re.compile(r"\[\d+\]$")
_PER_SECOND = "PerSecond"


def of(rest: FlinkRest, run_id: str) -> Figures:
    """Ask Flink, which begins to collect them when it is first asked; raises `RestUnavailable` or `RestError`."""
    vertices = [vertex.id for vertex in rest.job(run_id).vertices]
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        known: dict[str, float] = {}
        for vertex in vertices:
            known |= _known(rest, run_id, vertex)
        sources = _flows(known, _SOURCE)
        if sources or time.monotonic() > deadline:
            return Figures(sources, _flows(known, _SINK))
        time.sleep(_POLL_S)


def _known(rest: FlinkRest, run_id: str, vertex: str) -> Mapping[str, float]:
    wanted = [id for id in rest.gauge_ids(run_id, vertex) if _SOURCE.fullmatch(id) or _SINK.fullmatch(id)]
    return (
        rest.gauges(run_id, vertex, [each + end for each in wanted for end in ("", _PER_SECOND)]) if wanted else {}
    )


def _flows(known: Mapping[str, float], kind: re.Pattern[str]) -> tuple[Flow, ...]:
    found = ((kind.fullmatch(id), id, rows) for id, rows in sorted(known.items()))
    return tuple(
        Flow(_NODE.sub("", match["name"]), int(rows), known.get(id + _PER_SECOND, 0.0))
        for match, id, rows in found
        if match
    )
