"""Every option of orderwing. `docs/configuration.md` is made from these classes (`orderwing config docs`)."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    WithJsonSchema,
    field_validator,
    model_validator,
)


def _matches(pattern: str, expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def _form(expected: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": expected})


def _named(text: object) -> object:
    """`@hostname` is this machine's name: replicas in containers have one each. Its end sets pods apart."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[-32:] if text == "@hostname" else text


def _variable(name: str) -> dict[str, Any]:
    """For an option whose environment variable is not made of its section and key."""
    return {"variable": f"ORDERWING_{name}"}


_ADDRESSES, _HTTP, _REDIS = "host:port[,host:port ...]", "http://host[:port]", "redis://host:port/number"
_INSTANCE = "at most 32 letters, digits, _ or -, or @hostname"
Addresses = Annotated[str, _matches(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*", _ADDRESSES), _form(_ADDRESSES)]
HttpUrl = Annotated[str, _matches(r"https?://[^\s/]+\S*", _HTTP), _form(_HTTP)]
RedisUrl = Annotated[str, _matches(r"(rediss?|unix)://\S+", _REDIS), _form(_REDIS)]
Instance = Annotated[str, BeforeValidator(_named), _matches(r"[A-Za-z0-9_-]{1,32}", _INSTANCE), _form(_INSTANCE)]
Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


_FOR_PASSWORDS = "sasl_username", "sasl_password"
_FOR_TOKENS = (
    "sasl_oauthbearer_token_endpoint_url",
    "sasl_oauthbearer_client_id",
    "sasl_oauthbearer_client_secret",
)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Kafka(Section):
    """The cluster, and how every client of ours reaches it. Security options are named and mean as in librdkafka."""

    bootstrap: Addresses = Field(
        "localhost:9092", description="Brokers to begin with.", json_schema_extra=_variable("BOOTSTRAP")
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Whether the connection is encrypted (SSL) and clients give a password (SASL)."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="How clients show who they are, with SASL: a password, or a token."
    )
    sasl_username: str | None = Field(None, description="Wanted with SASL and a password.")
    sasl_password: SecretStr | None = Field(None, description="Wanted with SASL and a password.")
    sasl_oauthbearer_token_endpoint_url: HttpUrl | None = Field(
        None, description="Where an OpenID provider gives tokens for client credentials. Wanted with OAUTHBEARER."
    )
    sasl_oauthbearer_client_id: str | None = Field(None, description="Of ours. Wanted with OAUTHBEARER.")
    sasl_oauthbearer_client_secret: SecretStr | None = Field(None, description="Of ours. Wanted with OAUTHBEARER.")
    sasl_oauthbearer_scope: str | None = Field(None, description="Asked for, where the provider wants one.")
    https_ca_location: FilePath | None = Field(
        None, description="Certificates (PEM) of those who may vouch for that provider; none: the system's."
    )
    ssl_ca_location: FilePath | None = Field(
        None, description="Certificates (PEM) of those who may vouch for brokers; none: the system's."
    )
    ssl_certificate_location: FilePath | None = Field(
        None, description="Our own certificate (PEM), where brokers ask for one."
    )
    ssl_key_location: FilePath | None = Field(None, description="The key (PEM) of our own certificate.")
    ssl_key_password: SecretStr | None = Field(None, description="Of that key, if it is encrypted.")
    ssl_endpoint_identification_algorithm: Literal["https", "none"] = Field(
        "https", description="`none` accepts a broker whose certificate is for another host name."
    )
    client_rack: str | None = Field(None, description="This machine's rack or zone: replicas there are read first.")
    session_timeout_ms: int = Field(
        6_000,
        ge=1_000,
        le=1_800_000,
        description="A member of a group that is silent for so long loses its partitions.",
        json_schema_extra=_variable("SESSION_TIMEOUT_MS"),
    )
    transaction_timeout_ms: int = Field(
        10_000,
        ge=1_000,
        le=900_000,
        description="How long a dead owner's open transaction may hold back its successor.",
        json_schema_extra=_variable("TRANSACTION_TIMEOUT_MS"),
    )

    def __str__(self) -> str:
        """What messages call the cluster."""
        return self.bootstrap

    @property
    def uses_tokens(self) -> bool:
        return self.security_protocol.startswith("SASL") and self.sasl_mechanism == "OAUTHBEARER"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.security_protocol.startswith("SASL"):
            wanted = _FOR_TOKENS if self.uses_tokens else _FOR_PASSWORDS
            if missing := " and ".join(name for name in wanted if getattr(self, name) is None):
                how = f"security_protocol {self.security_protocol} with sasl_mechanism {self.sasl_mechanism}"
                raise ValueError(f"{how} wants {missing}")
        if (self.ssl_certificate_location is None) != (self.ssl_key_location is None):
            raise ValueError("ssl_certificate_location and ssl_key_location want each other")
        return self


class Topics(Section):
    """What `orderwing topics apply` and the re-optimizer make."""

    partitions: int = Field(
        0,
        ge=0,
        le=1_000,
        description="Of every topic, and so the most copies of a stage that share its work; fixed when the cluster is "
        "made. Each costs a little of every transaction. 0: as many as the cluster has, 4 of a new one.",
        json_schema_extra=_variable("PARTITIONS"),
    )
    replication_factor: int = Field(
        0,
        ge=0,
        le=9,
        description="Copies of each partition; 0: as many as brokers, up to 3, and 1 of the re-optimizer's own topics, "
        "which it can make anew.",
        json_schema_extra=_variable("REPLICATION_FACTOR"),
    )
    min_insync_replicas: int = Field(
        0,
        ge=0,
        le=9,
        description="Copies that must have a record before it counts; 0: 2 where there are 3, else 1.",
        json_schema_extra=_variable("MIN_INSYNC_REPLICAS"),
    )


class Redis(Section):
    """Where the views are."""

    url: RedisUrl = Field(
        "redis://localhost:6379/0",
        description="`rediss://` for TLS; name and password as in `redis://name:password@host:port/0`.",
        json_schema_extra={"secret": True},
    )


class Payments(Section):
    """The payment gateway. Each request is given `tries` calls, with pauses that double between them."""

    url: HttpUrl = Field(
        "http://localhost:8089",
        description="The payment provider; the simulator `psp` listens there.",
        json_schema_extra=_variable("PSP_URL"),
    )
    tries: int = Field(15, ge=1, le=1_000, description="Calls before the order is told that nobody answers.")
    timeout_s: float = Field(5.0, gt=0, le=300, description="How long a call may take.")
    first_pause_s: float = Field(0.1, gt=0, le=60, description="After the first call that failed.")
    longest_pause_s: float = Field(5.0, gt=0, le=600, description="To which pauses grow.")

    @field_validator("url")
    @classmethod
    def _can_be_asked(cls, url: str) -> str:
        if not re.fullmatch(r"[!-~]+", url):  # two standards differ in which host others are
            raise ValueError("expected ASCII: the host as DNS has it (xn--...), in a path %XX")
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # which raise ValueError too
        if not host or "?" in url or "#" in url:
            raise ValueError(f"expected {_HTTP}, to which paths are added")
        return url


class Runtime(Section):
    """Each service's process."""

    instance: Instance = Field(
        "0",
        description="Names this process among those of its service, and so its transactions: two of one name fence "
        "each other. `@hostname` takes the machine's name.",
    )
    run_dir: Path = Field(Path(".orderwing/run"), description="Pid files, logs and simulators' books.")
    batch_limit: int = Field(500, ge=1, le=100_000, description="Records in one transaction at most.")
    rest_ms: int = Field(
        100,
        ge=0,
        le=10_000,
        description="After a transaction that was not full a stage rests four times as long, at most this long: "
        "fewer, larger ones where the machine is busy. 0 answers soonest.",
    )
    poison_share: Share = Field(0.05, description="Of recent records; with more dead letters the stage halts.")
    poison_consecutive: int = Field(20, ge=1, description="Dead letters in a row that halt the stage.")
    seed: int = Field(0, description="Of solvers and simulators.")


class Http(Section):
    """Where each service answers `/metrics`, `/livez` and `/readyz`."""

    host: str = Field("127.0.0.1", description="Address to listen at; `0.0.0.0` in containers.")
    port: int = Field(0, ge=0, le=65535, description="0 takes any that is free; the run directory tells which.")


class Log(Section):
    """What services log, a JSON object a line."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")


class Telemetry(Section):
    """Traces of orders, by OpenTelemetry; see `docs/tracing.md`. Alike for every service of a cluster."""

    exporter: Literal["none", "file", "otlp"] = Field(
        "none", description="`file`: OTLP/JSON lines in the run directory; `otlp`: a collector; `none` costs nothing."
    )
    file: Path | None = Field(None, description="Another file; none: `<service>.<instance>.traces.jsonl`.")
    endpoint: HttpUrl = Field("http://localhost:4318", description="The collector, for OTLP over HTTP (protobuf).")
    ratio: Share = Field(0.01, description="Of orders that are traced, chosen by their ids.")


class Distances(Section):
    """Who tells distances to the allocation engine where a problem has no matrix; see `docs/distances.md`."""

    engine: Literal["haversine", "osrm", "graphhopper"] = Field(
        "haversine", description="`haversine`: straight lines, by the problem's own speed and detour factor."
    )
    url: HttpUrl = Field("http://localhost:5000", description="Where OSRM or GraphHopper answers.")
    profile: str | None = Field(None, description="Of travel; none: OSRM's `driving`, GraphHopper's `car`.")
    table_limit: int = Field(100, ge=1, le=100_000, description="OSRM's `--max-table-size`.")
    snap_m: int = Field(500, ge=1, description="A point farther from every road cannot be reached.")
    cache: Path | None = Field(None, description="Answers are kept in this file; none: nowhere.")
    map_version: str | None = Field(
        None, description="For OSRM whose map was extracted without `--data_version`: change it with the map."
    )
    detour_factor: float = Field(
        1.4, ge=1, le=10, description="Road metres a straight one while the engine is down; `distances detour` fits it."
    )
    speed_kmh: float = Field(30.0, ge=1, le=200, description="On the road, while the engine is down; fitted likewise.")


class Api(Section):
    """Who may ask the allocation engine (`orderwing api serve`)."""

    token: SecretStr | None = Field(
        None,
        description="Wanted of those who ask for allocations, as `Authorization: Bearer TOKEN`; none: anybody may.",
    )
    open: bool = Field(False, description="Without a token, listen also where other machines reach it.")

    @field_validator("token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,}=*", token.get_secret_value()):
            raise ValueError("expected at least 16 letters, digits or ._~+/- and = only at the end")
        return token


class Steering(Section):
    """The service `steering`, which makes prices of stock as the day goes; see `docs/steering.md`. Domain time."""

    every_minutes: int = Field(10, ge=1, le=10_080, description="Between two lists; each holds three times as long.")
    every_orders: int = Field(500, ge=1, description="After so many more orders a list is made sooner.")
    half_life_minutes: int = Field(
        240, ge=1, le=525_600, description="What was ordered so long ago counts half in the forecast of demand."
    )
    horizon_minutes: int = Field(
        720, ge=1, le=525_600, description="For so long stock has to last, about: from one delivery to the next."
    )


class Embedded(Section):
    """Broker and Redis of `orderwing demo`, `servers` and `test`."""

    cache: Path | None = Field(
        None,
        description="Where fetched files are kept; none: `orderwing` in the user's cache directory.",
        json_schema_extra=_variable("CACHE"),
    )


class Bench(Section):
    """`orderwing bench`."""

    data: Path | None = Field(
        None, description="Directory with `online_retail/`; none: `../shared/data` beside the project."
    )


class PaymentSimulator(Section):
    """How the simulated payment provider behaves; wall time."""

    latency_ms: Milliseconds = Field(20, description="Mean; each call takes between half and one and a half of it.")
    slow_ms: Milliseconds = Field(3_000, description="More for tokens `tok_slow…`, after the money is booked.")
    failure_rate: Share = Field(0.0, description="Of calls that end in a 500, half of them after the money is booked.")
    error_times: int = Field(
        2, ge=0, description="Calls that tokens `tok_error…` fail: a 500, a silence, a 500 and so on."
    )
    hang_ms: Milliseconds = Field(8_000, description="How long a silence lasts.")


class WarehouseSimulator(Section):
    """How the simulated warehouse behaves."""

    short_share: Share = Field(0.01, description="Of shipments of which something is not found.")
    late_share: Share = Field(0.03, description="Of shipments that miss their departure.")
    duplicate_share: Share = Field(0.02, description="Of answers told twice.")
    disorder_share: Share = Field(0.02, description="Of shipments whose `packed` is told after `shipped`.")


class Settings(Section):
    """The tree: each field is a section of the file."""

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    redis: Redis = Redis()
    payments: Payments = Payments()
    runtime: Runtime = Runtime()
    http: Http = Http()
    log: Log = Log()
    telemetry: Telemetry = Telemetry()
    distances: Distances = Distances()
    api: Api = Api()
    steering: Steering = Steering()
    embedded: Embedded = Embedded()
    bench: Bench = Bench()
    psp: PaymentSimulator = PaymentSimulator()
    warehouse: WarehouseSimulator = WarehouseSimulator()

    def named(self, instance: str) -> Settings:
        """The same of another instance."""
        return self.model_copy(update={"runtime": self.runtime.model_copy(update={"instance": instance})})
