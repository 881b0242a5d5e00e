"""Routes as a picture file."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from orderwing.planning.fleet.picture import COLOURS, Picture


def check(file: Path) -> None:
    """Raises ValueError for a file whose ending names no format that can be drawn."""
    known = sorted(Figure().canvas.get_supported_filetypes())
    if file.suffix.lower().removeprefix(".") not in known:
        raise ValueError(f"its name must end with a format: {', '.join(f'.{one}' for one in known)}")


def draw(picture: Picture, file: Path) -> None:
    """In the format that the file's ending names: png, svg, pdf. Raises ValueError for another."""
    check(file)  # without an ending another file would be written
    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_aspect(picture.aspect)
    axes.axis("off")
    axes.set_title(picture.title)
    for n, (name, line) in enumerate(picture.lines.items()):
        x, y = zip(*line, strict=True)
        axes.plot(x, y, color=COLOURS[n % len(COLOURS)], linewidth=1.4, label=name, zorder=1)
    for kind, marker, size in (("order", "o", 16), ("express", "*", 70), ("unserved", "x", 40), ("depot", "s", 70)):
        marks = [mark for mark in picture.marks if mark.kind == kind]
        if marks:
            colour = {"unserved": "#c00", "depot": "#000", "express": "#d60"}.get(kind, "#555")
            east, north = [mark.x for mark in marks], [mark.y for mark in marks]
            axes.scatter(east, north, s=size, c=colour, marker=marker, label=kind, zorder=2)
    if picture.lines or picture.marks:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    figure.savefig(file, dpi=120)
