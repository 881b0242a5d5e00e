"""Faust's way to Kafka, with what Faust does not offer: committed records only, the nearest replica, tokens."""

from __future__ import annotations

import aiokafka
import faust
from faust.auth import OAuthCredentials
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from orderwing.runtime.kafka_client import aiokafka_config, ssl_context
from orderwing.runtime.settings import Kafka


class _OurThread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust offers it only together with its own transactions
        consumer._client_rack = getattr(transport, "client_rack", None)  # Faust does not know it
        return consumer


class _OurConsumer(Consumer):
    def _new_consumer_thread(self) -> _OurThread:
        return _OurThread(self, loop=self.loop, beacon=self.beacon)

    def topic_partitions(self, topic: str) -> int | None:
        """Nought while the broker has not told: then Faust would take a table's changelog for one of another size."""
        return super().topic_partitions(topic) or None


class OurTransport(Transport):
    """Without the records of aborted transactions; replicas in `client_rack` are read first."""

    Consumer = _OurConsumer
    client_rack: str | None = None


def use_cluster(app: faust.App, cluster: Kafka) -> None:
    """Let `app`, whose address is set, reach the cluster."""
    app.transport = OurTransport(app.conf.broker_consumer, app)
    app.transport.client_rack = cluster.client_rack


def credentials(cluster: Kafka) -> faust.SASLCredentials | faust.SSLCredentials | OAuthCredentials | None:
    context = ssl_context(cluster)
    if not cluster.security_protocol.startswith("SASL"):
        return None if context is None else faust.SSLCredentials(context)
    config = aiokafka_config(cluster)
    if cluster.sasl_mechanism == "OAUTHBEARER":
        return OAuthCredentials(oauth_cb=config["sasl_oauth_token_provider"], ssl_context=context)
    return faust.SASLCredentials(
        mechanism=cluster.sasl_mechanism,
        username=config["sasl_plain_username"],
        password=config["sasl_plain_password"],
        ssl_context=context,
    )
