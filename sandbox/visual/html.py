"""One self-contained HTML page: text, tables and figures in one file that needs nothing from outside.

All text is escaped where it enters; figures are embedded as they are. A page has no script and no link to another file.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

MOST_COLUMNS = 8
"""In a table of more there is no room to spare for the first."""
DPI = 150
"""Dots per inch of embedded figures: sharp on screens with small dots too."""
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #F3F4F6; color: #1F2937; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; line-height: 1.35; margin: 0 0 .75rem; display: flex; gap: .75rem; align-items: baseline; }
h2 .grow { flex: 1; }
p { margin: .5rem 0; max-width: 62rem; }
section, header.page { background: #FFF; border: 1px solid #E5E7EB; border-radius: 10px; padding: 1.5rem 1.75rem; margin: 0 0 1.25rem; }
header.page p { color: #4B5563; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th { text-align: left; font-weight: 600; color: #4B5563; border-bottom: 2px solid #D1D5DB; padding: .35rem .5rem; vertical-align: bottom; }
td { border-bottom: 1px solid #E5E7EB; padding: .4rem .5rem; vertical-align: middle; }
th.right { text-align: right; }
td.right { text-align: right; white-space: nowrap; }
tr.over th { color: #6B7280; font-weight: 500; font-size: .82rem; border-bottom: 1px solid #E5E7EB; padding-top: .8rem; }
td:first-child { min-width: 15rem; }
td.right:first-child, table.wide td:first-child { min-width: 5rem; }
code { font-size: .9em; background: #F3F4F6; padding: .05em .3em; border-radius: 4px; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: #005A8E; }
td small, p small { color: #6B7280; font-size: .82rem; }
td small { display: block; line-height: 1.35; }
.badge { display: inline-block; white-space: nowrap; border-radius: 999px; padding: .1rem .65rem; font-size: .82rem; font-weight: 600; }
.good { background: #D6EFE6; color: #00543C; } .bad { background: #FBE0D0; color: #8A3B00; }
.info { background: #DCEBF5; color: #004A75; } .mute { background: #E5E7EB; color: #374151; }
figure { margin: 1.25rem 0 .5rem; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: #4B5563; font-size: .9rem; margin-top: .35rem; max-width: 62rem; }
.notes { border-left: 4px solid #0072B2; padding: .1rem 0 .1rem 1rem; margin: 1rem 0; }
.row { display: flex; flex-wrap: wrap; gap: 1.25rem; }
.row figure { flex: 1 1 18rem; }
a { color: #005A8E; }
nav a { margin-right: .9rem; white-space: nowrap; }
svg { display: block; }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: plain text.
        body: pieces of HTML, made by the functions below.
    """
    inside = "\n".join(body)
    head = f'<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{text(title)}</title>'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{inside}\n</main>\n</body>\n</html>\n'


def text(value: object) -> str:
    """Plain text as HTML."""
    return html.escape(str(value), quote=True)


def paragraph(words: str) -> str:
    """A paragraph of plain text; what stands between `backticks` is code."""
    pieces = [
        f"<code>{text(piece)}</code>" if number % 2 else text(piece)
        for number, piece in enumerate(words.split("`"))
    ]
    return f"<p>{''.join(pieces)}</p>"


def badge(words: str, tone: str) -> str:
    """A word on a coloured ground: "good", "bad", "info" or "mute". The word alone must say it, for who sees no colours."""
    return f'<span class="badge {tone}">{text(words)}</span>'


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str] | str], right: Sequence[str] = ()
) -> str:
    """A table.

    Args:
        columns: headings, plain text.
        rows: cells, HTML; or one text, HTML, that stands over the rows behind it.
        right: columns that are aligned to the right.
    """
    marks = [' class="right"' if column in right else "" for column in columns]
    head = "".join(
        f'<th scope="col"{mark}>{text(column)}</th>'
        for column, mark in zip(columns, marks, strict=True)
    )
    lines = []
    for row in rows:
        if isinstance(row, str):
            lines.append(
                f'<tr class="over"><th scope="colgroup" colspan="{len(columns)}">{row}</th></tr>'
            )
        else:
            lines.append(
                "<tr>"
                + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True))
                + "</tr>"
            )
    body = "\n".join(lines)
    wide = ' class="wide"' if len(columns) > MOST_COLUMNS else ""
    return f'<div class="scroll"><table{wide}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def figure(picture: Any, caption: str) -> str:
    """A picture with its caption.

    Args:
        picture: a matplotlib figure, or the bytes of a PNG or GIF.
        caption: plain text; also what is read to who sees no pictures.
    """
    content = picture_bytes(picture)
    source = f"data:{media_type(content)};base64,{base64.b64encode(content).decode('ascii')}"
    return f'<figure><img src="{source}" alt="{text(caption)}"><figcaption>{text(caption)}</figcaption></figure>'


def picture_bytes(picture: Any) -> bytes:
    """A picture as the bytes of a file: a matplotlib figure becomes a PNG."""
    if isinstance(picture, bytes):
        return picture
    file = io.BytesIO()
    picture.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def media_type(content: bytes) -> str:
    """What kind of picture some bytes are."""
    return "image/gif" if content.startswith(b"GIF8") else "image/png"


def strip(
    low: float,
    high: float,
    middle: float,
    mark: float | None,
    ends: tuple[float, float],
    tone: str = "#0072B2",
) -> str:
    """A small chart in a table's cell: an interval as a bar, its middle as a line, a figure to compare with as a diamond.

    Args:
        low, high: ends of the bar.
        middle: where the line stands.
        mark: where the diamond stands, or None.
        ends: values at the left and the right end of the chart.
        tone: colour of the bar.
    """
    width, height, rim = 170, 22, 9

    def x(value: float) -> float:
        left, right = ends
        return rim + (width - 2 * rim) * ((value - left) / (right - left) if right > left else 0.5)

    parts = [
        f'<line x1="{rim}" y1="11" x2="{width - rim}" y2="11" stroke="#D1D5DB"/>',
        f'<rect x="{x(low) - 1:.1f}" y="6" width="{x(high) - x(low) + 2:.1f}" height="10" rx="2" fill="{tone}" fill-opacity=".35"/>',
        f'<rect x="{x(middle) - 1.25:.1f}" y="3" width="2.5" height="16" fill="{tone}"/>',
    ]
    if mark is not None:
        at = x(mark)
        parts.append(
            f'<path d="M{at:.1f} 4.5L{at + 6.5:.1f} 11L{at:.1f} 17.5L{at - 6.5:.1f} 11Z" fill="none" stroke="#B34700" stroke-width="2"/>'
        )
    return f'<svg width="{width}" height="{height}" role="img" aria-label="{low:.4g} to {high:.4g}, middle {middle:.4g}">{"".join(parts)}</svg>'
