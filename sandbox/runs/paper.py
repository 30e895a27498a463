"""Figures and tables as files for a paper.

The same content gives the same bytes under the same libraries, and no file is replaced that an
export did not make.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from sandbox.errors import UsageError
from sandbox.store.files import write_whole
from sandbox.text import to_json
from sandbox.visual import html

MANIFEST = "export.json"
"""Names and digests of the files that exports made in a folder."""
LATEX = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "∞": r"$\infty$",
        "–": "--",
    }
)


def figure_files(name: str, figure: Any) -> dict[str, bytes]:
    """A figure as PDF and SVG, and its data as CSV.

    Args:
        name: of the files, without an ending.
        figure: a `sandbox.visual.plots.RecordedFigure`.
    """
    import matplotlib as mpl

    from sandbox.visual.plots import style

    files = {f"{name}.csv": _csv(figure.rows)}
    embedded: Any = {"svg.hashsalt": "sandbox", "pdf.fonttype": 42}  # TrueType, as journals ask for
    for kind, date in (("pdf", "CreationDate"), ("svg", "Date")):
        file = io.BytesIO()
        with style(), mpl.rc_context(embedded):
            figure.savefig(file, format=kind, metadata={date: None})
        files[f"{name}.{kind}"] = file.getvalue()
    return files


def table_files(
    name: str, rows: Sequence[Mapping[str, Any]], shown: Sequence[Mapping[str, str]]
) -> dict[str, bytes]:
    """A table as CSV and LaTeX (booktabs).

    Args:
        name: of the files, without an ending.
        rows: plain values by column, for CSV.
        shown: text by column, for LaTeX; empty for no LaTeX.
    """
    files = {f"{name}.csv": _csv(rows)}
    if shown:
        lines = [list(shown[0]), *(list(row.values()) for row in shown)]
        cells = [[cell.translate(LATEX) for cell in line] for line in lines]
        files[f"{name}.tex"] = html.render("table.tex", rows=cells).encode()
    return files


def exported_before(folder: Path) -> dict[str, str]:
    """The digests of the files that exports made in a folder, by name.

    Args:
        folder: need not be there.

    Raises:
        UsageError: when it holds other files alone, or one of these was changed.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return {}
    try:
        made: dict[str, str] = dict(json.loads((folder / MANIFEST).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--export {folder}: it is not empty, and no export made what is in it "
            f"({MANIFEST} is missing or damaged). Name an empty or a new folder."
        ) from error
    for name, digest in made.items():
        path = folder / name
        if path.exists() and sha256(path.read_bytes()).hexdigest() != digest:
            raise UsageError(
                f"--export {folder}: {name} was changed after it was exported, and would be "
                "replaced. Move it, or name another folder."
            )
    return made


def write_export(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, with a list of them.

    Args:
        folder: created if it is missing.
        files: their bytes by name; a name may have a folder in it.

    Raises:
        UsageError: when a file is there that no export made, or that was changed; nothing is
            written then.
    """
    made = exported_before(folder)
    if strange := [name for name in files if name not in made and (folder / name).exists()]:
        raise UsageError(
            f"--export {folder}: {', '.join(strange)} would be replaced, and no export made it. "
            "Move it, or name another folder."
        )
    digests = {name: sha256(content).hexdigest() for name, content in files.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / MANIFEST, to_json({"files": made | digests}).encode(), sync=False)
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_whole(folder / name, content, sync=False)
    except OSError as error:
        raise UsageError(f"--export {folder}: {error.strerror}. Name another folder.") from error


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV; None and NaN are empty cells."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value != value else value for key, value in row.items()})
    return text.getvalue().encode()
