"""`orderwing service NAME`: one service in the foreground.

Also `python -m orderwing.commands.service NAME`, which loads no other command and no parser of arguments: so the
supervisor starts its children.
"""

import sys

from orderwing.commands.console import configured, fail
from orderwing.composition import service_named
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.service import serve


def service(name: str) -> None:
    """Run one service until SIGTERM or Ctrl-C; settings are as `orderwing config show` tells.

    Ends with status 0 when stopped, 75 when it wants to be started again, 1 on an error.
    """
    try:
        run = service_named(name).run
        settings = configured()
    except OperatorError as error:
        fail(str(error))
    sys.exit(serve(name, run, settings))


if __name__ == "__main__":
    service(*sys.argv[1:])
