"""`orderwing topics`: the declared topics and what the cluster has."""

import dataclasses
import json
from typing import Annotated, Any

import typer

from orderwing.commands.console import configured, fail
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.screen import print_table
from orderwing.runtime.topics_admin import Difference, TopicsAdmin, has_rows, wanted_config
from orderwing_schemas.topics import ALL_TOPICS, Topic

app = typer.Typer(help="The cluster's topics: what is declared, what differs, make it so.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command("list")
def list_topics(as_json: Json = False) -> None:
    """Print the declared topics; asks no cluster."""
    if as_json:
        typer.echo(json.dumps([_as_json(topic) for topic in ALL_TOPICS], indent=2))
        return
    print_table(
        ("topic", "n", "key", "producer", "consumers", "events", "cleanup"),
        [
            (
                topic.name,
                str(topic.partitions),
                topic.key,
                topic.producer,
                ", ".join(topic.consumers),
                ", ".join(event.EVENT_TYPE for event in topic.events),
                wanted_config(topic)["cleanup.policy"],
            )
            for topic in ALL_TOPICS
        ],
    )


@app.command()
def diff(as_json: Json = False) -> None:
    """Print how the cluster differs from the declared topics; status 1 if it does."""
    try:
        differences = TopicsAdmin.of(configured()).diff()
    except OperatorError as error:
        fail(str(error))
    _print(differences, as_json, "The cluster is as declared.")
    raise typer.Exit(1 if differences else 0)


@app.command()
def apply(as_json: Json = False) -> None:
    """Make the missing topics and set what differs; changes no partition on which rows depend."""
    try:
        changed = TopicsAdmin.of(configured()).apply()
    except OperatorError as error:
        fail(str(error))
    _print(changed, as_json, "Nothing to do: the cluster is as declared.")


def _as_json(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "partitions": topic.partitions,
        "partitions_fixed": has_rows(topic),
        "key": topic.key,
        "by_region": topic.by_region,
        "producer": topic.producer,
        "consumers": topic.consumers,
        "events": [event.EVENT_TYPE for event in topic.events],
        "config": wanted_config(topic),
        "about": topic.about,
    }


def _print(differences: list[Difference], as_json: bool, none: str) -> None:
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(d) for d in differences], indent=2))
    elif not differences:
        typer.echo(none)
    else:
        rows = [(d.topic, f"{d.finding} {d.name}".strip(), d.wanted, d.found) for d in differences]
        print_table(("topic", "finding", "wanted", "found"), rows)
