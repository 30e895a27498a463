"""Pages of the site that are made from other files: the README, the changelog, CONTRIBUTING and the
notebook.

In the sources, links between files are relative to the sources; here they are rewritten to lead to
the pages of the site.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "overview.md": "README.md",
    "changes.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "notebook.md": "docs/notebook.ipynb",
}
"""Page of the site -> the file that it is made from, relative to the root of the sources."""
LINK = re.compile(r"(?<=\]\()([^)#\s]+)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages; MkDocs calls this after it has listed docs/."""
    from mkdocs.structure.files import File

    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=text(source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite links to files outside docs/ to the pages made from them."""
    up = "../" * page.file.src_uri.count("/")
    turned = {f"{up}../{source}": f"{up}{name}" for name, source in PAGES.items()} | {
        f"{up}notebook.ipynb": f"{up}notebook.md"
    }
    return LINK.sub(lambda link: turned.get(link[1], link[1]), markdown)


def text(source: str) -> str:
    """The Markdown of a page that is made from this file."""
    path = ROOT / source
    if path.suffix == ".ipynb":
        return "\n\n".join(_cells(json.loads(path.read_text(encoding="utf-8"))))
    turned = {path: page for page, path in PAGES.items()}
    return LINK.sub(
        lambda link: turned.get(link[1], link[1].removeprefix("docs/")),
        path.read_text(encoding="utf-8"),
    )


def _cells(notebook: dict[str, Any]) -> Iterator[str]:
    """The cells of a notebook as Markdown, code in blocks."""
    for cell in notebook["cells"]:
        content = "".join(cell["source"])
        yield f"```python\n{content}\n```" if cell["cell_type"] == "code" else content
