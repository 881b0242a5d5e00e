"""Settings: what the environment says, and what is told when it is wrong."""

import socket
from pathlib import Path

import pytest

from orderwing.runtime.settings import Settings, SettingsError


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({"ORDERWING_SEED": "  "})
    assert settings == Settings()
    assert (settings.batch_limit, settings.transaction_timeout_ms, settings.http_port) == (500, 10_000, 0)


def test_variables_are_read_by_type() -> None:
    settings = Settings.from_environment(
        {
            "ORDERWING_BOOTSTRAP": "one:9092,two:9092",
            "ORDERWING_RUN_DIR": "elsewhere",
            "ORDERWING_POISON_SHARE": "0.5",
            "ORDERWING_INSTANCE": "b",
            "UNRELATED": "x",
        }
    )
    assert settings.bootstrap == "one:9092,two:9092"
    assert settings.run_dir == Path("elsewhere")
    assert settings.poison_share == 0.5
    assert settings.instance == "b"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BOOTSTRAP", "kafka", r"'kafka': expected host:port"),
        ("REDIS_URL", "localhost:6379", r"expected redis://host:port/number"),
        ("PSP_URL", "ftp://x", r"expected http://host"),
        ("INSTANCE", "a b", r"expected at most 32 letters"),
        ("HTTP_PORT", "70000", r"less than or equal to 65535"),
        ("BATCH_LIMIT", "many", r"valid integer"),
        ("POISON_SHARE", "2", r"less than or equal to 1"),
        ("LOG_LEVEL", "loud", r"'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(name: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=rf"^ORDERWING_{name} is .*{told}") as caught:
        Settings.from_environment({f"ORDERWING_{name}": value})
    assert "\n" not in str(caught.value)


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"ORDERWING_HTTP_PORT.*; ORDERWING_SEED"):
        Settings.from_environment({"ORDERWING_SEED": "x", "ORDERWING_HTTP_PORT": "y"})


def test_a_child_reads_the_same_settings() -> None:
    settings = Settings(bootstrap="host:1", run_dir=Path("r"), seed=7, poison_share=0.25, instance="2")
    assert Settings.from_environment(settings.to_environment()) == settings


@pytest.mark.parametrize(
    ("hostname", "instance"),
    [("3f2a9c1b7d5e", "3f2a9c1b7d5e"), ("a.example", "a-example"), ("x" * 40 + "-2qk7z", "x" * 26 + "-2qk7z")],
)
def test_replicas_are_named_after_their_machines(monkeypatch: pytest.MonkeyPatch, hostname: str, instance: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    assert Settings.from_environment({"ORDERWING_INSTANCE": "@hostname"}).instance == instance
