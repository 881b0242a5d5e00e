"""The groups of commands, each a typer app or a function that cli.py adds by one line."""
