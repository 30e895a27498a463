"""Writes a new plugin, which works at once: a package that can be installed, or one file.

The Jinja templates in `templates/` hold the modules, the hook of each kind (`hook.txt`) and the
command that shows it at work (`command.txt`).
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import string
from pathlib import Path

from sandbox.errors import UsageError
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry

KINDS = ("lab", "agent", "env", "observer")
TEMPLATES = Path(__file__).resolve().parent / "templates"


def write(name: str, kind: str, parent: Path, one_file: bool = False) -> list[Path]:
    """Write a new plugin.

    Args:
        name: the name of the plugin and of what it registers: letters, digits and dashes
            ("my-lab").
        kind: one of `KINDS`.
        parent: folder in which it is created.
        one_file: whether it is a single file, used with `-p`, rather than a package.

    Returns:
        The files, the most important first.

    Raises:
        UsageError: when the name cannot be a module's or is taken, a file is in the way, or the
            files cannot be written.
    """
    name = canonical(name)
    module = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(module):
        raise UsageError(
            f"'{name}' cannot name a plugin: it becomes a Python module, so take small letters, "
            f"digits and dashes, like 'my-{kind}'."
        )
    package = {
        f"{name}/{module}/{kind}.py": f"{kind}.py.txt",
        f"{name}/{module}/__init__.py": "__init__.py.txt",
        f"{name}/tests/test_{module}.py": f"test_{kind}.py.txt",
        f"{name}/pyproject.toml": "pyproject.toml.txt",
        f"{name}/README.md": "README.md",
    }
    files = {f"{module}.py": f"{kind}.py.txt"} if one_file else package
    paths = {parent / path: template for path, template in files.items()}
    for path in [parent / next(iter(files)).split("/")[0], *paths]:
        if path.exists():
            raise UsageError(
                f"{path} is there already; nothing was written. Choose another name, or another "
                "folder with --in."
            )
    if _is_taken(name, module, kind):
        raise UsageError(
            f"'{name}' is taken: a module, a plugin, or what plugins bring has this name. Choose "
            "another."
        )
    try:
        for path, template in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_rendered(template, name, kind, one_file), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"Cannot write to {parent}: {error.strerror}. Choose another folder with --in."
        ) from error
    return list(paths)


def _is_taken(name: str, module: str, kind: str) -> bool:
    """Whether a new plugin of that name could not be loaded, or would hide a module of others."""
    known = registry()
    names = [*known.plugins, *(entry.name for entry in known.entries(kind))]
    found = importlib.util.find_spec(module)  # a folder without __init__.py has no origin
    return name in names or bool(found and found.origin and Path(found.origin).parent != Path.cwd())


def try_it(name: str, kind: str) -> str:
    """The words after `python -m sandbox` that run the new plugin."""
    return _rendered("command.txt", canonical(name), kind)


def _rendered(template: str, name: str, kind: str, one_file: bool = False) -> str:
    """A template filled with the names of a plugin."""
    import jinja2

    module = name.replace("-", "_")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(
        name=name,
        kind=kind,
        one_file=one_file,
        module=module,
        target=module if one_file else f"{module}.{kind}",
        # a class name: my-walk -> MyWalk, without a final "Lab", which the template adds
        title=string.capwords(name.removesuffix("-lab"), "-").replace("-", ""),
    )
