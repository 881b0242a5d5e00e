"""`orderwing topics`: the declared topics and what the cluster has."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from orderwing.commands.console import cluster, configured, fail, reached
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.log_sizes import of_description, of_directory
from orderwing.runtime.screen import print_table
from orderwing.runtime.topics_admin import Difference, TopicsAdmin, has_rows, wanted_config
from orderwing_schemas.topics import ALL_TOPICS, ORDERS_ACCEPTED, Topic

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
        differences = _admin().diff()
    except OperatorError as error:
        fail(str(error))
    _print(differences, as_json, "The cluster is as declared.")
    raise typer.Exit(1 if differences else 0)


@app.command()
def apply(as_json: Json = False) -> None:
    """Make the missing topics and set what differs; changes no partition on which rows depend."""
    try:
        changed = _admin().apply()
    except OperatorError as error:
        fail(str(error))
    _print(changed, as_json, "Nothing to do: the cluster is as declared.")


@app.command()
def size(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="A broker's log directory (`log.dirs`) on this machine.")
    ] = None,
    described: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--described", help="What `kafka-log-dirs.sh --describe` printed; `-`: standard input."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what each topic takes on disk, in all and for each accepted order."""
    from orderwing.audit.log import read_facts

    try:
        if directory is not None:
            sizes = of_directory(directory)
        elif described is not None:
            sizes = of_description(described.read().decode("utf-8", "replace"))
        else:
            raise OperatorError("Name a broker's log directory with --dir, or give --described what Kafka's tool says.")
        kafka = cluster()
        records = TopicsAdmin(kafka).records()
        orders = sum(1 for _ in read_facts(kafka, [ORDERS_ACCEPTED.name]))
    except (OperatorError, LookupError, TimeoutError) as error:
        fail(str(error))
    _print_sizes(sizes, records, orders, as_json)


def _admin() -> TopicsAdmin:
    settings = configured()
    reached(settings.kafka)
    return TopicsAdmin.of(settings)


def _print_sizes(sizes: Mapping[str, int], records: Mapping[str, int], orders: int, as_json: bool) -> None:
    """The largest first."""
    names = sorted(sizes, key=lambda name: -sizes[name])
    if as_json:
        topics = [{"topic": name, "bytes": sizes[name], "records": records.get(name, 0)} for name in names]
        typer.echo(json.dumps({"orders": orders, "bytes": sum(sizes.values()), "topics": topics}, indent=2))
        return

    def row(name: str, size: int, count: int | None) -> tuple[str, ...]:
        each = f"{size / orders:,.0f}" if orders else ""
        return name, f"{size:,}", "" if count is None else f"{count:,}", each

    rows = [row(name, sizes[name], records.get(name)) for name in names]
    rows.append(row("all", sum(sizes.values()), sum(records.values())))
    print_table(("topic", "bytes", "records", "bytes an order"), rows)
    typer.echo(f"{orders:,} orders accepted. Records include a marker for each transaction on each partition.")


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
