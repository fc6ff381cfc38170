import pytest

from tests.parts.kafka import Broker

pytestmark = pytest.mark.connectors


def test_messages_are_kept_in_the_partitions_that_they_were_sent_to(kafka_broker: Broker) -> None:
    kafka_broker.create_topic("kept", partitions=2)
    kafka_broker.produce("kept", [(number % 2, b"message %d" % number) for number in range(25_000)])
    assert kafka_broker.count("kept") == 25_000
