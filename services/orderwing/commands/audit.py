"""`orderwing audit`: the auditor on any cluster."""

import json
from typing import Annotated

import typer

from orderwing.commands.console import configured, fail, reached
from orderwing.runtime.errors import OperatorError


def audit(
    wait: Annotated[
        float, typer.Option(min=0, help="Wait so many seconds for all orders to come to rest; else judge the old ones.")
    ] = 0.0,
) -> None:
    """Read the whole log and the books in the run directory, and print what the auditor finds as JSON.

    Exit status 1 if anything is lost, doubled, oversold, stuck or wrong in any other way.
    """
    from orderwing.audit.cluster import audit_cluster, await_rest

    try:
        settings = configured()
        kafka = reached(settings.kafka)
        if wait:
            await_rest(kafka, wait)
        verdict, figures = audit_cluster(kafka, settings.runtime.run_dir, at_rest=bool(wait))
    except (OperatorError, LookupError, TimeoutError) as error:
        fail(str(error))
    typer.echo(json.dumps(figures, indent=2))
    raise typer.Exit(0 if verdict.clean and not figures["lost"] and not figures["duplicated"] else 1)
