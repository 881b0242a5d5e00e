"""Settings: where values come from, which of them wins, and what is told when one is wrong."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from orderwing.runtime.settings import (
    CommandLine,
    Kafka,
    Redis,
    Resolved,
    Runtime,
    Settings,
    SettingsError,
    options,
    resolve,
    to_environment,
)

NOTHING = CommandLine()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path


def from_environment(environment: Mapping[str, str]) -> Settings:
    return resolve(environment, NOTHING, Path("/nonexistent")).settings


def from_file(directory: Path, text: str, environment: Mapping[str, str] | None = None, *values: str) -> Resolved:
    (directory / "orderwing.toml").write_text(text)
    return resolve(environment or {}, CommandLine(values=values), directory)


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = from_environment({"ORDERWING_SEED": "  "})
    assert settings == Settings()
    assert (settings.runtime.batch_limit, settings.kafka.transaction_timeout_ms, settings.http.port) == (500, 10_000, 0)


def test_variables_are_read_by_type() -> None:
    settings = from_environment(
        {
            "ORDERWING_BOOTSTRAP": "one:9092,two:9092",
            "ORDERWING_RUN_DIR": "elsewhere",
            "ORDERWING_POISON_SHARE": "0.5",
            "ORDERWING_INSTANCE": "b",
            "ORDERWING_PSP_SLOW_MS": "5",
            "ORDERWING_WAREHOUSE_SHORT_SHARE": "0.25",
            "UNRELATED": "x",
        }
    )
    assert settings.kafka.bootstrap == "one:9092,two:9092"
    assert settings.runtime == Runtime(run_dir=Path("elsewhere"), poison_share=0.5, instance="b")
    assert settings.psp.slow_ms == 5
    assert settings.warehouse.short_share == 0.25


def test_variables_of_released_versions_keep_their_names() -> None:
    names = {option.variable.removeprefix("ORDERWING_") for option in options().values()}
    assert names >= {
        *("BOOTSTRAP", "REDIS_URL", "PSP_URL", "RUN_DIR", "INSTANCE", "HTTP_PORT", "HTTP_HOST", "LOG_LEVEL", "SEED"),
        *("BATCH_LIMIT", "POISON_SHARE", "POISON_CONSECUTIVE", "TRANSACTION_TIMEOUT_MS", "SESSION_TIMEOUT_MS"),
        *("REPLICATION_FACTOR", "MIN_INSYNC_REPLICAS", "CACHE", "BENCH_DATA"),
        *(f"PSP_{name}" for name in ("LATENCY_MS", "SLOW_MS", "FAILURE_RATE", "ERROR_TIMES", "HANG_MS")),
        *(f"WAREHOUSE_{name}_SHARE" for name in ("SHORT", "LATE", "DUPLICATE", "DISORDER")),
    }
    assert len(names) == len(options())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BOOTSTRAP", "kafka", r"'kafka': expected host:port"),
        ("REDIS_URL", "localhost:6379", r"expected redis://host:port/number"),
        ("PSP_URL", "ftp://x", r"expected http://host"),
        ("PSP_URL", "http://zahlung.m\u00fcller.example:1", r"the host as DNS has it \(xn--"),
        ("PSP_URL", "http://psp/\x01", r"expected ASCII"),
        ("PSP_URL", "http://psp:99999", r"Port out of range"),
        ("PSP_URL", "http://psp:8o", r"Port could not be cast"),
        ("PSP_URL", "http://[psp", r"Invalid IPv6"),
        ("PSP_URL", "http://:80", r"expected http://host"),
        ("PSP_URL", "http://psp?shop=1", r"to which paths are added"),
        ("INSTANCE", "a b", r"expected at most 32 letters"),
        ("HTTP_PORT", "70000", r"less than or equal to 65535"),
        ("BATCH_LIMIT", "many", r"valid integer"),
        ("POISON_SHARE", "2", r"less than or equal to 1"),
        ("PSP_FAILURE_RATE", "2", r"less than or equal to 1"),
        ("WAREHOUSE_LATE_SHARE", "often", r"'often': expected a valid number"),
        ("LOG_LEVEL", "loud", r"'debug', 'info', 'warning' or 'error'"),
        ("KAFKA_SSL_CA_LOCATION", "/no/such.pem", r"'/no/such\.pem': Path does not point to a file"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(name: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=rf"^ORDERWING_{name} is .*{told}") as caught:
        from_environment({f"ORDERWING_{name}": value})
    assert "\n" not in str(caught.value)


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"ORDERWING_HTTP_PORT.*; ORDERWING_SEED|ORDERWING_SEED.*; ORDERWING_HTTP"):
        from_environment({"ORDERWING_SEED": "x", "ORDERWING_HTTP_PORT": "y"})


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(empty: Path) -> None:
    text = '# ours\n[kafka]\nbootstrap = "file:1"\nclient_rack = "file"\n\n[http]\nport = 1\nhost = "file"\n'
    environment = {"ORDERWING_KAFKA_CLIENT_RACK": "environment", "ORDERWING_HTTP_PORT": "2"}
    resolved = from_file(empty, text, environment, "http.port=3")
    assert resolved.settings.kafka == Kafka(bootstrap="file:1", client_rack="environment")
    assert (resolved.settings.http.host, resolved.settings.http.port) == ("file", 3)
    told = {name: origin for name, origin in resolved.origins.items() if origin != "default"}
    assert told == {
        "kafka.bootstrap": f"{empty / 'orderwing.toml'}:3",
        "kafka.client_rack": "ORDERWING_KAFKA_CLIENT_RACK",
        "http.port": "--set",
        "http.host": f"{empty / 'orderwing.toml'}:8",
    }


def test_the_file_is_the_one_that_is_named(empty: Path) -> None:
    (empty / "orderwing.toml").write_text("[runtime]\nseed = 1\n")
    for number in (2, 3):
        (empty / f"{number}.toml").write_text(f"[runtime]\nseed = {number}\n")
    variable = {"ORDERWING_CONFIG": str(empty / "2.toml")}
    assert resolve({}, NOTHING, empty).settings.runtime.seed == 1
    assert resolve(variable, NOTHING, empty).settings.runtime.seed == 2
    assert resolve(variable, CommandLine(empty / "3.toml"), empty).settings.runtime.seed == 3
    with pytest.raises(SettingsError, match=r"4\.toml cannot be read \(No such file or directory\)"):
        resolve(variable, CommandLine(empty / "4.toml"), empty)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[kafka]\nbootstap = 'a:1'", r"^kafka\.bootstap in .*toml:2 is not a setting: is kafka\.bootstrap meant\?\.$"),
        ("[kafak]\nbootstrap = 'a:1'", r"kafak\.bootstrap in .*toml:2 is not .*is kafka\.bootstrap meant"),
        ("bootstrap = 'a:1'", r"bootstrap in .*toml is in no section: is kafka\.bootstrap meant"),
        ("[http]\nport = 70000", r"^http\.port in .*toml:2 is 70000: expected less than or equal to 65535\.$"),
        ("[http\nport = 1", r"toml is not TOML: .*line 1"),
        (
            "[kafka]\nsecurity_protocol = 'SASL_SSL'",
            r"^\[kafka\] security_protocol SASL_SSL with .* wants .*toml:2\)\.$",
        ),
        ("[kafka]\nssl_key_location = '/dev/null'", r"want each other|does not point to a file"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(empty: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        from_file(empty, text)


@pytest.mark.parametrize("given", ["http.prot=1", "http.port", "http.port=x"])
def test_what_is_wrong_on_the_command_line_is_told(given: str) -> None:
    with pytest.raises(SettingsError, match=rf"^--set {given.split('=', maxsplit=1)[0]}( is|:)"):
        resolve({}, CommandLine(values=(given,)), Path("/nonexistent"))


def test_variables_that_mean_nothing_are_told_but_for_those_of_kubernetes() -> None:
    of_the_cluster = ("SERVICE_HOST", "PORT", "PORT_9464_TCP_ADDR", "REDIS_SERVICE_PORT_MAIN", "REDIS_PORT_6379_TCP")
    environment = {f"ORDERWING_{name}": "x" for name in (*of_the_cluster, "PSP_LATENCYMS", "PYTHON", "ZZZZZZ")}
    assert resolve(environment, NOTHING, Path("/nonexistent")).warnings == (
        "ORDERWING_PSP_LATENCYMS is not a setting: is ORDERWING_PSP_LATENCY_MS meant?",
        "ORDERWING_ZZZZZZ is not a setting.",
    )


def test_secrets_come_from_files_too(empty: Path) -> None:
    secret = empty / "password"
    secret.write_text("s3cret\n")
    sasl = "[kafka]\nsecurity_protocol = 'SASL_PLAINTEXT'\nsasl_username = 'me'\n"
    by_file = from_file(empty, f"{sasl}sasl_password_file = '{secret}'\n")
    by_variable = from_file(empty, sasl, {"ORDERWING_KAFKA_SASL_PASSWORD_FILE": str(secret)})
    assert by_file.settings == by_variable.settings
    assert by_file.settings.kafka.sasl_password == SecretStr("s3cret")
    assert by_variable.origins["kafka.sasl_password"] == "ORDERWING_KAFKA_SASL_PASSWORD_FILE"
    both = {"ORDERWING_KAFKA_SASL_PASSWORD_FILE": str(secret), "ORDERWING_KAFKA_SASL_PASSWORD": "x"}
    with pytest.raises(SettingsError, match="both given: keep one"):
        from_environment(both)
    with pytest.raises(SettingsError, match="PASSWORD_FILE is '/no/such', which cannot be read"):
        from_environment({"ORDERWING_KAFKA_SASL_PASSWORD_FILE": "/no/such"})
    with pytest.raises(SettingsError, match=r"http\.port_file in .* is not a setting"):
        from_file(empty, f"[http]\nport_file = '{secret}'")


def test_no_secret_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({"ORDERWING_REDIS_URL": "s3cret", "ORDERWING_KAFKA_SASL_PASSWORD": "s3cret"})
    assert "s3cret" not in str(caught.value)
    redis = Redis(url="redis://me:s3cret@host:1/0")
    assert options()["redis.url"].shown(redis.url) == "redis://****@host:1/0"
    kafka = Kafka(security_protocol="SASL_SSL", sasl_username="me", sasl_password=SecretStr("s3cret"))
    assert options()["kafka.sasl_password"].shown(kafka.sasl_password) == "****"
    assert "s3cret" not in repr(kafka)


def test_a_child_reads_the_same_settings_whatever_else_it_meets(empty: Path) -> None:
    kafka = Kafka(
        bootstrap="host:1", security_protocol="SASL_SSL", sasl_username="me", sasl_password=SecretStr("s3cret")
    )
    runtime = Runtime(run_dir=Path("r"), seed=7, poison_share=0.25, instance="2")
    (empty / "orderwing.toml").write_text("[kafka]\nclient_rack = 'another'\n[http]\nport = 1\n")
    inherited = {"ORDERWING_KAFKA_SASL_PASSWORD_FILE": "/no/such", "ORDERWING_CONFIG": "/no/such.toml"}
    for settings in (Settings(kafka=kafka, runtime=runtime), Settings()):
        assert resolve({**inherited, **to_environment(settings)}, NOTHING, empty).settings == settings


@pytest.mark.parametrize(
    ("hostname", "instance"),
    [("3f2a9c1b7d5e", "3f2a9c1b7d5e"), ("a.example", "a-example"), ("x" * 40 + "-2qk7z", "x" * 26 + "-2qk7z")],
)
def test_replicas_are_named_after_their_machines(monkeypatch: pytest.MonkeyPatch, hostname: str, instance: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    assert from_environment({"ORDERWING_INSTANCE": "@hostname"}).runtime.instance == instance
