"""What the terminal shows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from orderwing.runtime.embedded.progress import Progress as ProgressHook


@contextmanager
def progress_bars() -> Iterator[ProgressHook]:
    """Bars on stderr, one for each task that is told; those of single files go once they are complete."""
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    ids: dict[str, TaskID] = {}

    def report(task: str, done: int, total: int) -> None:
        if task not in ids:
            ids[task] = bars.add_task(task, total=total)
        bars.update(ids[task], completed=done, total=total)
        if task.endswith(".jar") and done >= total:
            bars.remove_task(ids.pop(task))

    with bars:
        yield report


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout; cells are plain text."""
    table = Table(
        Column(columns[0], no_wrap=True), *(Column(name, overflow="fold") for name in columns[1:]), box=SIMPLE
    )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
