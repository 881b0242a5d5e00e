"""Where values come from. Later ones win: default, file, environment, command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings.options import CONFIG, FROM_FILE, PREFIX, options
from orderwing.runtime.settings.tree import Settings

FILE = "orderwing.toml"
DEFAULT = "default"
_NO_OPTIONS = re.compile(r"ORDERWING_(CONFIG|PYTHON|TEST_\w+)")  # of this module, the launcher and the tests
# What Kubernetes sets in every pod for each service whose name begins with ours.
_CLUSTER_LINK = re.compile(r"ORDERWING_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")


class SettingsError(OperatorError):
    """A value that cannot be used; the message names the option, where the value is from and what was expected."""


@dataclass(frozen=True)
class CommandLine:
    """`config` names the file; `values` are `section.key=value`."""

    config: Path | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """A value, and where it is from: `origin` for lists, `label` within sentences."""

    value: Any
    origin: str
    label: str


@dataclass(frozen=True)
class Resolved:
    """`origins` by the option's name; `warnings` are sentences about variables that mean nothing."""

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]
    file: Path | None


_command_line = CommandLine()


def use_command_line(command_line: CommandLine) -> None:
    """What `resolve` of this process takes from now on."""
    global _command_line  # noqa: PLW0603  a process has one command line
    _command_line = command_line


def load() -> Settings:
    """This process's settings. Raises SettingsError."""
    return resolve().settings


def resolve(
    environment: Mapping[str, str] | None = None, command_line: CommandLine | None = None, directory: Path = Path()
) -> Resolved:
    """The settings; `directory` is where the file is looked for that nothing names.

    Raises SettingsError telling everything that is wrong. An empty variable counts as absent.
    """
    told = os.environ if environment is None else environment
    variables = {name: text.strip() for name, text in told.items() if name.startswith(PREFIX) and text.strip()}
    command_line = _command_line if command_line is None else command_line
    file = _file(variables, command_line, directory)
    wrong: list[str] = []
    given: dict[str, Given] = {}
    for layer in (
        _in_file(file, wrong) if file else (),
        _in_variables(variables),
        _in_command_line(command_line, wrong),
    ):
        given |= _known(layer, wrong)
    settings = _settings(given, wrong)
    origins = {name: given[name].origin if name in given else DEFAULT for name in options()}
    return Resolved(settings, origins, tuple(_warnings(variables)), file)


def _settings(given: Mapping[str, Given], wrong: list[str]) -> Settings:
    tree: dict[str, dict[str, Any]] = {}
    for name, one in given.items():
        section, _, key = name.partition(".")
        tree.setdefault(section, {})[key] = one.value
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        wrong += [_told(".".join(map(str, e["loc"][:2])), e["msg"], given) for e in error.errors(include_url=False)]
    if wrong:
        raise SettingsError("; ".join(wrong) + ".")
    return settings


def _told(name: str, message: str, given: Mapping[str, Given]) -> str:
    message = message.removeprefix("Value error, ").replace("Input should be", "expected")
    if name in given:
        return f"{given[name].label} is {options()[name].shown(given[name].value)!r}: {message}"
    # Several options of a section together.
    where = [one.label for option, one in given.items() if option.startswith(f"{name}.")]
    return f"[{name}] {message} (given: {', '.join(where)})"


def _known(layer: Iterable[tuple[str, Given]], wrong: list[str]) -> dict[str, Given]:
    """The values of one source by the option's name, with those of secrets that are kept in files."""
    known = options()
    found: dict[str, Given] = {}
    for name, given in layer:
        secret = known.get(name.removesuffix(FROM_FILE.lower()))
        option = known.get(name) or (secret if secret and secret.secret else None)
        if option is None:
            wrong.append(f"{given.label} is not a setting{_meant(name, known)}")
        elif other := found.get(option.name):
            wrong.append(f"{other.label} and {given.label} are both given: keep one")
        elif option.name == name:
            found[name] = given
        else:
            try:
                found[option.name] = replace(given, value=Path(str(given.value)).read_text("utf-8").strip())
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "no text"
                wrong.append(f"{given.label} is {str(given.value)!r}, which cannot be read ({why})")
    return found


def _meant(name: str, names: Iterable[str], prefix: str = "") -> str:
    from difflib import get_close_matches  # noqa: PLC0415  seldom needed

    nearest = get_close_matches(name.removeprefix(prefix), [one.removeprefix(prefix) for one in names], 1)
    return f": is {prefix}{nearest[0]} meant?" if nearest else ""


# --- The file ---------------------------------------------------------------------------------------------------------


def _file(variables: Mapping[str, str], command_line: CommandLine, directory: Path) -> Path | None:
    if command_line.config is not None:
        return command_line.config
    if named := variables.get(CONFIG):
        return None if named == os.devnull else Path(named)
    usual = directory / FILE
    return usual if usual.is_file() else None


def _in_file(file: Path, wrong: list[str]) -> Iterator[tuple[str, Given]]:
    import tomllib  # noqa: PLC0415  most processes have no file

    try:
        text = file.read_text("utf-8")
        tree = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read ({error.strerror}): see --config and {CONFIG}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}.") from None
    for section, values in tree.items():
        if not isinstance(values, dict):
            wrong.append(f"{section} in {file} is in no section{_meant(section, options())}")
            continue
        for key, value in values.items():
            place = _place(file, text, section, key)
            yield f"{section}.{key}", Given(value, place, f"{section}.{key} in {place}")


def _place(file: Path, text: str, section: str, key: str) -> str:
    """File and line; the file alone where the key is not written in the usual way."""
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
            inside = header[1]
        elif inside == section and re.match(rf"\s*{re.escape(key)}\s*=", line):
            return f"{file}:{number}"
    return str(file)


# --- Environment and command line -------------------------------------------------------------------------------------


def _names() -> dict[str, str]:
    """By each variable the name of its option, with `_file` behind it where it names a file."""
    known = options().values()
    files = {one.variable + FROM_FILE: one.name + FROM_FILE.lower() for one in known if one.secret}
    return {one.variable: one.name for one in known} | files


def _in_variables(variables: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    names = _names()
    for variable, text in variables.items():
        if variable in names:
            yield names[variable], Given(text, variable, variable)


def _warnings(variables: Mapping[str, str]) -> Iterator[str]:
    names = _names()
    for variable in sorted(variables):
        if variable not in names and not any(known.fullmatch(variable) for known in (_NO_OPTIONS, _CLUSTER_LINK)):
            yield f"{variable} is not a setting{_meant(variable, names, PREFIX) or '.'}"


def _in_command_line(command_line: CommandLine, wrong: list[str]) -> Iterator[tuple[str, Given]]:
    for text in command_line.values:
        name, equals, value = text.partition("=")
        if equals:
            yield name.strip(), Given(value, "--set", f"--set {name.strip()}")
        else:
            wrong.append(f"--set {text}: expected section.key=value")
