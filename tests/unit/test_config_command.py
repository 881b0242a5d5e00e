"""`orderwing config`: what is in force, where it is from, what is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.commands.console import configured
from orderwing.runtime.settings import CommandLine, docs, resolve

MISSPELT = "orderwing: ORDERWING_HTTP_PRT is not a setting: is ORDERWING_HTTP_PORT meant?\n"
SASL = "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_username = 'me'\n"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("s3cret")
    return file


@pytest.fixture
def config(tmp_path: Path, secret: Path) -> Path:
    file = tmp_path / "a.toml"
    file.write_text(f"{SASL}sasl_password_file = '{secret}'\n[http]\nport = 1\n[runtime]\nseed = 1\n")
    return file


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "250", **environment})
    return result.exit_code, result.stdout, result.stderr


def test_each_value_is_shown_with_its_origin_and_no_secret_is(config: Path) -> None:
    environment = {"ORDERWING_SEED": "2", "ORDERWING_REDIS_URL": "redis://:s3cret@host:1/0"}
    for form in ("table", "json", "toml"):
        status, told, _ = run(
            "--config", str(config), "--set", "http.port=3", "config", "show", "--format", form, **environment
        )
        assert status == 0
        assert "s3cret" not in told
        if form == "json":
            entries = {entry["name"]: (entry["value"], entry["origin"]) for entry in json.loads(told)}
            assert entries["runtime.seed"] == (2, "ORDERWING_SEED")
            assert entries["http.port"] == (3, "--set")
            assert entries["kafka.sasl_username"] == ("me", f"{config}:3")
            assert entries["kafka.sasl_password"] == ("****", f"{config}:4")
            assert entries["redis.url"] == ("redis://****@host:1/0", "ORDERWING_REDIS_URL")
            assert entries["log.level"] == ("info", "default")


def test_what_is_shown_as_toml_says_the_same(tmp_path: Path) -> None:
    environment = {"ORDERWING_SEED": "2", "ORDERWING_RUN_DIR": 'a "b" \\ ü', "ORDERWING_POISON_SHARE": "0.25"}
    status, told, _ = run("config", "show", "--format", "toml", **environment)
    assert status == 0
    (tmp_path / "orderwing.toml").write_text(told)
    nothing = CommandLine()
    assert resolve({}, nothing, tmp_path).settings == resolve(environment, nothing, tmp_path / "empty").settings


def test_a_command_line_is_forgotten_when_the_command_ends(config: Path) -> None:
    before = resolve().settings
    assert run("--config", str(config), "config", "check")[0] == 0
    assert resolve().settings == before


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "told"),
    [
        ([], {}, 0, ""),
        (
            [],
            {"ORDERWING_HTTP_PRT": "1"},
            1,
            "orderwing: ORDERWING_HTTP_PRT is not a setting: is ORDERWING_HTTP_PORT meant?\n",
        ),
        (["--set", "http.port=x"], {}, 1, "orderwing: --set http.port is 'x': expected a valid integer, "),
        (["--config", "/no/such.toml"], {}, 1, "orderwing: /no/such.toml cannot be read (No such file or directory): "),
    ],
)
def test_a_check_says_what_is_wrong(arguments: list[str], environment: dict[str, str], status: int, told: str) -> None:
    found, _, error = run(*arguments, "config", "check", **environment)
    assert (found, error[: len(told)]) == (status, told)
    assert error.count("\n") == status


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"MECHANISM": "PLAIN"}, "sasl_username and sasl_password"),
        ({"USERNAME": "me"}, "sasl_password"),
        (
            {"MECHANISM": "OAUTHBEARER", "USERNAME": "me", "PASSWORD": "s3cret"},
            "sasl_oauthbearer_token_endpoint_url and sasl_oauthbearer_client_id and sasl_oauthbearer_client_secret",
        ),
        (
            {"MECHANISM": "OAUTHBEARER", "OAUTHBEARER_CLIENT_ID": "me", "OAUTHBEARER_CLIENT_SECRET": "s3cret"},
            "sasl_oauthbearer_token_endpoint_url",
        ),
    ],
)
def test_a_check_names_what_a_way_to_log_in_lacks(given: dict[str, str], missing: str) -> None:
    variables = {f"ORDERWING_KAFKA_SASL_{name}": value for name, value in given.items()}
    status, _, error = run("config", "check", ORDERWING_KAFKA_SECURITY_PROTOCOL="SASL_SSL", **variables)
    assert status == 1
    mechanism = given.get("MECHANISM", "SCRAM-SHA-512")
    assert f"security_protocol SASL_SSL with sasl_mechanism {mechanism} wants {missing} (" in error
    assert "s3cret" not in error


def test_a_command_passes_over_variables_that_mean_nothing_but_tells_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORDERWING_HTTP_PRT", "1")
    monkeypatch.setenv("ORDERWING_SEED", "2")
    assert configured().runtime.seed == 2
    assert capsys.readouterr().err == MISSPELT


def test_the_documentation_is_written_to_the_repository_only(tmp_path: Path) -> None:
    status, _, error = run("config", "docs", "--root", str(tmp_path))
    assert status == 1
    assert "not orderwing's repository" in error
    (tmp_path / "docs").mkdir()
    assert run("config", "docs", "--root", str(tmp_path))[0] == 0
    assert (tmp_path / docs.PATH).read_text("utf-8") == docs.markdown()
