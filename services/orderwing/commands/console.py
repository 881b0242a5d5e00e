"""What commands say to the operator."""

import sys
from typing import NoReturn


def fail(message: str) -> NoReturn:
    """Print one sentence and exit with status 1."""
    sys.stderr.write(f"orderwing: {message}\n")
    sys.exit(1)
