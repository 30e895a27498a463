"""HTML pages from templates: every value is escaped, and a page is one file that loads no other.

Templates (in `templates/`) hold the text and the style; the packages that make pages provide the
values.
"""

from __future__ import annotations

import base64
import io
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox import text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from matplotlib.figure import Figure

HTML = (".html", ".css")
"""Templates of pages; the others are plain text, in which nothing is escaped."""
DPI = 150
"""Dots per inch of embedded figures: sharp on screens with small dots too."""


def render(template: str, **values: object) -> str:
    """The text of a template filled with values.

    Args:
        template: its file name in `templates/`.
        values: what it shows; everything but `Markup` is escaped. A value that the template names
            and that is missing here is an error.
    """
    return _environment().get_template(template).render(values)


def prose(words: str) -> Markup:
    """Escaped text; words between `backticks` are code."""
    from markupsafe import Markup, escape

    code = Markup("<code>{}</code>").format
    pieces = words.split("`")
    return Markup("").join(
        code(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def picture_bytes(picture: Figure | bytes) -> bytes:
    """A picture as the bytes of a file: a matplotlib figure becomes a PNG."""
    if isinstance(picture, bytes):
        return picture
    file = io.BytesIO()
    picture.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def is_animation(picture: Figure | bytes) -> bool:
    """Whether a picture is a GIF."""
    return isinstance(picture, bytes) and picture.startswith(b"GIF8")


def data_uri(picture: Figure | bytes, kind: str = "") -> str:
    """A picture as a data URI, which embeds it in the page.

    Args:
        picture: a figure, or the bytes of a file.
        kind: its media type; "" tells PNG and GIF apart.
    """
    kind = kind or ("image/gif" if is_animation(picture) else "image/png")
    return f"data:{kind};base64,{base64.b64encode(picture_bytes(picture)).decode('ascii')}"


def folder_link(path: Path, page: Path) -> str:
    """The address of a folder, relative to the folder of a page."""
    try:
        relative = os.path.relpath(path.resolve(), page.resolve())
    except ValueError:  # on another drive
        return path.resolve().as_uri() + "/"
    return quote(Path(relative).as_posix()) + "/"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: str(name).endswith(HTML),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=text.number,
        plural=text.plural,
        printable=text.printable,
        words=text.words,
        nbsp=lambda words: words.replace(" %", "\N{NO-BREAK SPACE}%"),
        prose=prose,
        data_uri=data_uri,
    )
    return environment
