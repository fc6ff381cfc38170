"""Which of Flink's counters count, and by which names; what a real one has is in `test_graphs`."""

from penstock.domain.graph import Figures, Flow
from penstock.flink import figures
from penstock.flink.rest import FlinkRest
from tests.flink.conftest import Answers

RUN = "a" * 32
IDS = [
    "Source__orders[1].numRecordsOut",
    "Source__orders[1].numRecordsOutPerSecond",
    "Source__orders[1].numRecordsIn",
    "Calc[2].numRecordsIn",
    "paid[3]__Writer.numRecordsIn",
    "Sink__print[4].numRecordsIn",
    "numRecordsIn",
]
ASKED = (
    "Source__orders%5B1%5D.numRecordsOut%2CSource__orders%5B1%5D.numRecordsOutPerSecond%2C"
    "paid%5B3%5D__Writer.numRecordsIn%2Cpaid%5B3%5D__Writer.numRecordsInPerSecond%2C"
    "Sink__print%5B4%5D.numRecordsIn%2CSink__print%5B4%5D.numRecordsInPerSecond"
)


def test_rows_out_of_sources_and_into_sinks_are_counted_by_their_tables(flink_says: Answers) -> None:
    metrics = f"/jobs/{RUN}/vertices/v/subtasks/metrics"
    flink_says.say(f"/jobs/{RUN}", '{"state": "RUNNING", "vertices": [{"id": "v"}]}')
    flink_says.say(metrics, "[" + ",".join(f'{{"id": "{each}"}}' for each in IDS) + "]")
    flink_says.say(
        f"{metrics}?get={ASKED}&agg=sum",
        """[{"id": "Source__orders[1].numRecordsOut", "sum": 12.0},
            {"id": "Source__orders[1].numRecordsOutPerSecond", "sum": 1.5},
            {"id": "paid[3]__Writer.numRecordsIn", "sum": 7.0},
            {"id": "Sink__print[4].numRecordsIn", "sum": 5.0}]""",
    )
    seen = figures.of(FlinkRest(flink_says.url), RUN)
    assert seen == Figures((Flow("orders", 12, 1.5),), (Flow("print", 5, 0.0), Flow("paid", 7, 0.0)))
