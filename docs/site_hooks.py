"""What MkDocs does beside the pages in docs/: the README, the changelog, how to contribute and the notebook become pages too.

Links keep the form in which they work among the sources; here they are turned to where those pages stand in the site.
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
"""Page of the site -> the file, from the root of the sources, that it is made of."""
LINK = re.compile(r"(?<=\]\()([^)#\s]+)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages; called by MkDocs once it has found those in docs/."""
    from mkdocs.structure.files import File

    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=text(source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn a page's links to files outside docs/ to the pages made of them."""
    up = "../" * page.file.src_uri.count("/")
    turned = {f"{up}../{source}": f"{up}{name}" for name, source in PAGES.items()} | {
        f"{up}notebook.ipynb": f"{up}notebook.md"
    }
    return LINK.sub(lambda link: turned.get(link[1], link[1]), markdown)


def text(source: str) -> str:
    """A file outside docs/ as a page inside."""
    path = ROOT / source
    if path.suffix == ".ipynb":
        return "\n\n".join(_cells(json.loads(path.read_text(encoding="utf-8"))))
    turned = {path: page for page, path in PAGES.items()}
    return LINK.sub(
        lambda link: turned.get(link[1], link[1].removeprefix("docs/")),
        path.read_text(encoding="utf-8"),
    )


def _cells(notebook: dict[str, Any]) -> Iterator[str]:
    """The cells of a notebook, code as blocks."""
    for cell in notebook["cells"]:
        content = "".join(cell["source"])
        yield f"```python\n{content}\n```" if cell["cell_type"] == "code" else content
