"""The entry point of `python -m orderwing` and of the console script."""

from orderwing.commands.console import loading


def main() -> None:
    """Run the command that the arguments name."""
    with loading():
        from orderwing.cli import main as run
    run()


if __name__ == "__main__":
    main()
