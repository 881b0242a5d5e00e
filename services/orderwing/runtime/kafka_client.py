"""What every client of Kafka is configured with: address and security."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from orderwing.runtime.settings.tree import Kafka

if TYPE_CHECKING:
    import ssl

Cluster = Kafka | str  # a plain address is that of a cluster without security, such as the embedded broker
_SECURITY = tuple(name for name in Kafka.model_fields if name.startswith(("security_", "sasl_", "ssl_", "https_")))


def client_config(cluster: Cluster) -> dict[str, Any]:
    """For any client of librdkafka. It logs nothing: what goes wrong is told by errors."""
    if isinstance(cluster, str):
        return {"bootstrap.servers": cluster, "log_level": 0}
    wanted = ("client_rack",) if cluster.security_protocol == "PLAINTEXT" else ("client_rack", *_SECURITY)
    given = {name: value for name in wanted if (value := getattr(cluster, name)) is not None}
    config = client_config(cluster.bootstrap) | {name.replace("_", "."): _plain(value) for name, value in given.items()}
    return config | ({"sasl.oauthbearer.method": "oidc"} if cluster.uses_tokens else {})


def ssl_context(cluster: Cluster) -> ssl.SSLContext | None:
    """For clients in Python; None where the connection is not encrypted. Raises OSError, ssl.SSLError."""
    if isinstance(cluster, str) or not cluster.security_protocol.endswith("SSL"):
        return None
    import ssl  # noqa: PLC0415  services on librdkafka do without

    context = ssl.create_default_context(cafile=cluster.ssl_ca_location)
    context.check_hostname = cluster.ssl_endpoint_identification_algorithm == "https"
    if cluster.ssl_certificate_location is not None:
        password = _plain(cluster.ssl_key_password) if cluster.ssl_key_password is not None else None
        context.load_cert_chain(cluster.ssl_certificate_location, cluster.ssl_key_location, password)
    return context


def aiokafka_config(cluster: Kafka) -> dict[str, Any]:
    """For any client of aiokafka. Raises as `ssl_context`. The rack is for consumers alone."""
    config: dict[str, Any] = {
        "bootstrap_servers": cluster.bootstrap.split(","),
        "security_protocol": cluster.security_protocol,
        "ssl_context": ssl_context(cluster),
    }
    if cluster.uses_tokens:
        from orderwing.runtime.oauth import ClientCredentials  # noqa: PLC0415  as above

        config |= {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": ClientCredentials(cluster)}
    elif cluster.security_protocol.startswith("SASL"):
        config |= {
            "sasl_mechanism": cluster.sasl_mechanism,
            "sasl_plain_username": cluster.sasl_username,
            "sasl_plain_password": _plain(cluster.sasl_password),
        }
    return config


def no_answer(cluster: Cluster) -> str:
    """The sentence for an operator whose cluster does not answer."""
    told = f"No Kafka answers at {cluster}: start it, or set ORDERWING_BOOTSTRAP"
    if isinstance(cluster, str) or cluster.security_protocol == "PLAINTEXT":
        return f"{told}; one that wants TLS or a password needs ORDERWING_KAFKA_SECURITY_PROTOCOL."
    return f"{told}; it was asked by {cluster.security_protocol}, so see to ORDERWING_KAFKA_SASL_* and _SSL_* too."


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
