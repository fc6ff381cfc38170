"""A real Kafka broker, one node that is its own controller."""

import itertools
import logging
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.parts import java
from tests.parts.leash import Leashed, free_port

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
log.dirs={folder}/kafka
log.cleaner.dedupe.buffer.size=2000000
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""
_POLL_EVERY = 10_000


class Broker:
    """A broker in a folder of its own, which clients reach at `address`."""

    def __init__(self, folder: Path) -> None:
        port, settings = free_port(), folder / "server.properties"
        settings.write_text(_SETTINGS.format(port=port, controller_port=free_port(), folder=folder))
        warnings = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        tool = java.command("kafka", "kafka.tools.StorageTool", warnings, heap_mb=64)
        made = [*tool, "format", "--cluster-id", uuid.uuid4().hex[:22], "--config", str(settings)]
        subprocess.run(made, check=True, capture_output=True, timeout=120)
        program = java.command("kafka", "kafka.Kafka", warnings, heap_mb=128)
        self._program = Leashed([*program, str(settings)], folder / "kafka.log")
        self._program.wait_for_port(port)
        self.address = f"127.0.0.1:{port}"
        self._client = {"bootstrap.servers": self.address, "logger": logging.getLogger(__name__)}
        self._admin = AdminClient(self._client)
        self._admin.list_topics(timeout=60)

    def create_topic(self, name: str, partitions: int = 1) -> None:
        (made,) = self._admin.create_topics([NewTopic(name, partitions, 1)]).values()
        made.result(60)

    def produce(self, topic: str, messages: Iterable[tuple[int, bytes]]) -> None:
        """Write messages, each once and in order into its partition, and return when the broker has them all."""
        settings = {"linger.ms": 20, "queue.buffering.max.messages": 10 * _POLL_EVERY, "enable.idempotence": True}
        producer = Producer(self._client | settings)
        for number, (partition, value) in zip(itertools.count(1), messages):
            producer.produce(topic, value, partition=partition)
            if number % _POLL_EVERY == 0:
                producer.flush(60)
        assert producer.flush(60) == 0, "the broker has not taken all messages"

    def count(self, topic: str) -> int:
        """Count the messages of a topic."""
        consumer = Consumer(self._client | {"group.id": "count"})
        try:
            partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
            ranges = [consumer.get_watermark_offsets(TopicPartition(topic, each), 60) for each in partitions]
            return sum(end - start for start, end in ranges)
        finally:
            consumer.close()

    def stop(self) -> None:
        self._program.stop()
