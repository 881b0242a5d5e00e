"""What Faust's consumer is made with beyond what Faust offers."""

import asyncio
from typing import Any, cast

import faust
import pytest
from pydantic import SecretStr

from orderwing.reoptimizer.transport import credentials, use_cluster
from orderwing.runtime.settings import Kafka


@pytest.mark.parametrize("rack", ["a", None])
def test_the_consumer_reads_committed_records_of_the_nearest_replica(rack: str | None) -> None:
    async def made() -> tuple[object, object]:
        app = faust.App("probe", broker="aiokafka://127.0.0.1:1", store="memory://")
        use_cluster(app, Kafka(client_rack=rack))
        thread = cast(Any, app.consumer)._new_consumer_thread()
        consumer = thread._create_worker_consumer(app.transport)
        return consumer._isolation_level, consumer._client_rack

    assert asyncio.run(made()) == ("read_committed", rack)


def test_faust_shows_who_it_is_in_the_same_way_as_all_others() -> None:
    def told(**options: object) -> object:
        return credentials(Kafka.model_validate(options))

    password = told(security_protocol="SASL_PLAINTEXT", sasl_username="me", sasl_password=SecretStr("s3cret"))
    assert isinstance(password, faust.SASLCredentials)
    assert (password.mechanism.value, password.username, password.password) == ("SCRAM-SHA-512", "me", "s3cret")
    token = told(
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauthbearer_token_endpoint_url="https://id.example/token",
        sasl_oauthbearer_client_id="orderwing",
        sasl_oauthbearer_client_secret=SecretStr("s3cret"),
    )
    assert type(token).__name__ == "OAuthCredentials"
    assert getattr(token, "protocol").value == "SASL_SSL"  # noqa: B009  Faust's classes are not typed
    assert isinstance(told(security_protocol="SSL"), faust.SSLCredentials)
    assert told() is None
