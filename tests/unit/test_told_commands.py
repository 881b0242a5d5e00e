"""Commands that README and docs tell exist, with the options that they are told with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from orderwing.cli import app

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
IN_BLOCK = re.compile(r"(?:^|[\s(;&|])(?:\./)?orderwing ([^#\n;&|]*)", re.MULTILINE)
IN_TEXT = re.compile(r"`(?:\./)?orderwing ([^`]+)`")
OF_THE_LAUNCHER = ("test",)
ANY = ("COMMAND",)


def told() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text("utf-8")
        found = [line for block in BLOCK.findall(text) for line in IN_BLOCK.findall(block)]
        found += IN_TEXT.findall(BLOCK.sub("", text))
        yield from ((page.name, " ".join(line.translate(str.maketrans("[]", "  ")).split())) for line in found)


def complaint(line: str) -> str | None:
    """What is wrong with a command line, if anything: an unknown command or option, or an argument too many."""
    command: Any = typer.main.get_command(app)
    command.name = "orderwing"
    words = shlex.split(line)
    arguments = 0
    while words:
        word = words.pop(0)
        if word.startswith("-") and word != "-":
            option = next((p for p in command.params if word.partition("=")[0] in (*p.opts, *p.secondary_opts)), None)
            if option is None:
                return f"{command.name} has no option {word}"
            if not getattr(option, "is_flag", False) and "=" not in word and words:
                words.pop(0)
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return f"{command.name} has no command {word}"
            command = command.commands[word]
        else:
            arguments += 1
    most = [p.nargs for p in command.params if p.param_type_name == "argument"]
    return f"{command.name} takes fewer arguments" if -1 not in most and arguments > sum(most) else None


@pytest.mark.parametrize(("page", "line"), sorted(set(told())), ids=lambda part: part)
def test_a_command_that_is_told_exists(page: str, line: str) -> None:
    if line.split(maxsplit=1)[0] not in (*OF_THE_LAUNCHER, *ANY):
        assert complaint(line) is None


def test_what_does_not_exist_is_seen() -> None:
    assert complaint("no-such-command") == "orderwing has no command no-such-command"
    assert complaint("views rebuild --fast") == "rebuild has no option --fast"
    assert complaint("reviews clear ORDER ANOTHER") == "clear takes fewer arguments"
    assert len({page for page, _ in told()}) > 10
