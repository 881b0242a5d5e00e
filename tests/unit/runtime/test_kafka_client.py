"""What clients of Kafka are configured with; the real thing is tried in tests/integration/test_secured_kafka.py."""

import re
from pathlib import Path

from aiokafka.abc import AbstractTokenProvider
from confluent_kafka import Producer
from pydantic import SecretStr

from orderwing.runtime.kafka_client import aiokafka_config, client_config, no_answer, ssl_context
from orderwing.runtime.settings import Kafka

SERVICES = Path(__file__).resolve().parents[3] / "services" / "orderwing"
SECURED = Kafka(
    bootstrap="one:9093,two:9093",
    security_protocol="SASL_SSL",
    sasl_username="me",
    sasl_password=SecretStr("s3cret"),
    ssl_endpoint_identification_algorithm="none",
    client_rack="a",
)
WITH_TOKENS = Kafka(
    bootstrap="one:9093",
    security_protocol="SASL_SSL",
    sasl_mechanism="OAUTHBEARER",
    sasl_oauthbearer_token_endpoint_url="https://id.example/token",
    sasl_oauthbearer_client_id="orderwing",
    sasl_oauthbearer_client_secret=SecretStr("s3cret"),
    sasl_oauthbearer_scope="kafka",
)


def test_librdkafka_is_given_its_own_names() -> None:
    assert client_config(SECURED) == {
        "bootstrap.servers": "one:9093,two:9093",
        "log_level": 0,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "s3cret",
        "ssl.endpoint.identification.algorithm": "none",
        "client.rack": "a",
    }
    plain = {"bootstrap.servers": "localhost:9092", "log_level": 0}
    assert client_config(Kafka(sasl_username="unused")) == plain
    assert client_config("localhost:9092") == plain


def test_aiokafka_is_given_the_same() -> None:
    config = aiokafka_config(SECURED)
    context = config.pop("ssl_context")
    assert not context.check_hostname
    assert config == {
        "bootstrap_servers": ["one:9093", "two:9093"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": "s3cret",
    }
    assert aiokafka_config(Kafka())["ssl_context"] is None
    checking = ssl_context(Kafka(security_protocol="SSL"))
    assert checking is not None
    assert checking.check_hostname


def test_tokens_are_fetched_by_librdkafka_itself() -> None:
    config = client_config(WITH_TOKENS)
    assert config == {
        "bootstrap.servers": "one:9093",
        "log_level": 0,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": "https://id.example/token",
        "sasl.oauthbearer.client.id": "orderwing",
        "sasl.oauthbearer.client.secret": "s3cret",
        "sasl.oauthbearer.scope": "kafka",
        "ssl.endpoint.identification.algorithm": "https",
    }
    Producer(config)  # librdkafka refuses names that it does not know, and lists that lack one
    aiokafka = aiokafka_config(WITH_TOKENS)
    assert aiokafka["sasl_mechanism"] == "OAUTHBEARER"
    assert isinstance(aiokafka["sasl_oauth_token_provider"], AbstractTokenProvider)


def test_the_operator_is_told_how_the_cluster_was_asked() -> None:
    assert "ORDERWING_BOOTSTRAP" in no_answer("a:1")
    assert no_answer(SECURED).startswith("No Kafka answers at one:9093,two:9093: ")
    assert "SASL_SSL" in no_answer(SECURED)
    assert "s3cret" not in no_answer(SECURED)


def test_no_client_is_configured_elsewhere() -> None:
    # Contenders of the benchmark are configured as their own users would.
    files = [file for file in SERVICES.rglob("*.py") if "peers" not in file.parts and file.name != "kafka_client.py"]
    assert len(files) > 100
    own = re.compile(r"bootstrap\.servers|bootstrap_servers")
    assert [str(file) for file in files if own.search(file.read_text("utf-8"))] == []
