"""The tree as text: `docs/configuration.md`, and the settings of a process as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from orderwing.runtime.settings.options import FROM_FILE, Option, options
from orderwing.runtime.settings.sources import Resolved
from orderwing.runtime.settings.tree import Settings

PATH = "docs/configuration.md"
_HEAD = """\
# Configuration

Every option of every service and command. A value is taken from the first of these that has one:

1. the command line: `orderwing --set kafka.bootstrap=broker:9092 topics diff`;
2. the environment: the variable in the tables below; an empty one counts as absent;
3. a file in TOML, whose sections and keys are those below: the one of `orderwing --config FILE`, else of
   `ORDERWING_CONFIG`, else `orderwing.toml` in the working directory;
4. the default.

A **secret** is never shown or logged. It may also be given by a file, as containers get theirs: the variable's name
with `_FILE` behind it (`ORDERWING_KAFKA_SASL_PASSWORD_FILE=/run/secrets/kafka`), or the key's with `_file`.

`orderwing config show` prints every value and where it is from (`--format toml` as a file to begin with), `orderwing
config check` says what is wrong. A key of the file that means nothing is an error; such a variable is told and passed
over, because others may set some (`ORDERWING_SERVICE_HOST`, say, is Kubernetes').

A cluster that wants TLS and a password:

```toml
[kafka]
bootstrap = "broker-1.example:9093,broker-2.example:9093"
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "orderwing"
sasl_password_file = "/run/secrets/kafka"
ssl_ca_location = "/etc/ssl/kafka-ca.pem"
```

One that wants tokens of an OpenID provider (client credentials; librdkafka fetches and renews them by itself, the
re-optimizer's client in the same way):

```toml
[kafka]
bootstrap = "broker-1.example:9093"
security_protocol = "SASL_SSL"
sasl_mechanism = "OAUTHBEARER"
sasl_oauthbearer_token_endpoint_url = "https://id.example/realms/kafka/protocol/openid-connect/token"
sasl_oauthbearer_client_id = "orderwing"
sasl_oauthbearer_client_secret_file = "/run/secrets/kafka"
sasl_oauthbearer_scope = "kafka"
```

Two variables are no options: `ORDERWING_CONFIG` names the file, `ORDERWING_PYTHON` the Python that `./orderwing` sets
its environment up with.

Made from `services/orderwing/runtime/settings/tree.py` by `orderwing config docs`.
"""


def markdown() -> str:
    """`docs/configuration.md`."""
    schema = Settings.model_json_schema()
    parts = [_HEAD]
    for section, several in groupby(options().values(), lambda option: option.section):
        told = schema["$defs"][schema["properties"][section]["$ref"].rpartition("/")[2]]
        parts.append(f"\n## [{section}]\n\n{told['description']}\n\n")
        parts.append("| key | variable | value | default | meaning |\n| --- | --- | --- | --- | --- |\n")
        parts.extend(_row(option, told["properties"][option.key]) for option in several)
    return "".join(parts)


def as_toml(resolved: Resolved) -> str:
    """A file that says the same, each value with its origin; secrets, and what has no value, are commented out."""
    lines: list[str] = []
    for section, several in groupby(options().values(), lambda option: option.section):
        lines += ["", f"[{section}]"]
        for option in several:
            value = option.shown(option.of(resolved.settings))
            given = value is not None and not (option.secret and resolved.origins[option.name] != "default")
            text = json.dumps("" if value is None else value, ensure_ascii=False)
            lines.append(f"{'' if given else '# '}{option.key} = {text}  # {resolved.origins[option.name]}")
    return "\n".join(lines[1:])


def _row(option: Option, schema: Mapping[str, Any]) -> str:
    default = "" if option.default is None else f"`{option.default}`"
    secret = f"; a secret, `{option.variable}{FROM_FILE}`" if option.secret else ""
    value = " or ".join(_kinds(schema)).replace("|", "\\|")
    return f"| `{option.key}` | `{option.variable}` | {value}{secret} | {default} | {option.about} |\n"


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _kinds(one)
    elif "enum" in schema:
        yield ", ".join(f"`{one}`" for one in schema["enum"])
    elif schema["type"] == "string":
        told = {"path": "path", "file-path": "a file that is there", "password": "text"}
        yield told.get(schema.get("format", ""), schema.get("format", "text"))
    elif schema["type"] != "null":
        words = [schema["type"]]
        for limit, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to")):
            words += [f"{word} {int(schema[limit])}"] if limit in schema else []
        yield " ".join(words)
