"""How the embedded servers tell what they are doing; a screen is somebody else's business."""

from typing import Protocol


class Progress(Protocol):
    def __call__(self, task: str, done: int, total: int) -> None:
        """`done` of `total` of a task: bytes of a file, files of a set, or 0 and 1 around a step."""


def silent(task: str, done: int, total: int) -> None:
    """Tell nobody."""
