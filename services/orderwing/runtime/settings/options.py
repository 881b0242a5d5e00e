"""The tree as a list: each option with its names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from orderwing.runtime.settings.tree import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PREFIX = "ORDERWING_"
CONFIG = "ORDERWING_CONFIG"
FROM_FILE = "_FILE"  # what a variable's name ends in that names a file with the value, as containers' secrets do
MASK = "****"


@dataclass(frozen=True)
class Option:
    """`secret`: its value is never shown, and may also be given as the name of a file that holds it."""

    section: str
    key: str
    variable: str
    secret: bool
    default: Any
    about: str

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"

    def of(self, settings: Settings) -> Any:
        return getattr(getattr(settings, self.section), self.key)

    def shown(self, value: object) -> str | int | float | None:
        """The value as it may be seen by anybody; a secret's is masked, of an address its name and password."""
        if value is None or (isinstance(value, int | float) and not self.secret):
            return value
        return MASK if self.secret and "://" not in str(value) else masked(str(value))


def masked(url: str) -> str:
    """Without the name and password that may be in it."""
    return re.sub(r"(?<=://)[^/@]*@", f"{MASK}@", url)


@cache
def options() -> Mapping[str, Option]:
    """By name, in the order of the tree."""
    found = [
        _option(section, key, info)
        for section, default in Settings()
        for key, info in type(default).model_fields.items()
    ]
    return {option.name: option for option in found}


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables from which a child process reads these settings, whatever else it inherits or finds."""
    variables = {CONFIG: os.devnull}
    for option in options().values():
        value = option.of(settings)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        variables[option.variable] = "" if plain is None else str(plain)
        if option.secret:
            variables[option.variable + FROM_FILE] = ""
    return variables


def _option(section: str, key: str, info: FieldInfo) -> Option:
    extra = info.json_schema_extra
    told: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
    usual = PREFIX + (key if section == "runtime" else f"{section}_{key}").upper()
    secret = bool(told.get("secret")) or "SecretStr" in str(info.annotation)
    return Option(section, key, told.get("variable", usual), secret, info.default, info.description or "")
