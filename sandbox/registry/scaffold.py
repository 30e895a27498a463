"""Writes a new plugin, which works at once: a package that can be installed, or one file.

The templates in `templates/` are modules with placeholders for the names.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from sandbox.errors import UsageError
from sandbox.registry.registrar import canonical

KINDS = ("lab", "agent", "env", "observer")
TEMPLATES = Path(__file__).resolve().parent / "templates"

HOOKS = {
    "lab": 'registry.lab("{name}", "{module}:{title}Lab", summary="Darts find π")',
    "agent": 'registry.agent("{name}", "{module}:{title}", '
    'summary="Q-learning that learns slowly from bad news")',
    "observer": 'registry.observer("{name}", "{module}:{title}", '
    'summary="Tells a run\'s story in a text file")',
    "env": 'gymnasium.register("{name}/Corridor-v0", entry_point="{module}:{title}", '
    "max_episode_steps=100)",
}
"""What each kind registers."""

TRY = {
    "lab": "run {name}",
    "agent": "run maze --agent {name}",
    "env": "run gym --env {name}/Corridor-v0 --episodes 500",
    "observer": "run maze --track {name}",
}
"""The command that shows it at work."""


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
        UsageError: when the name cannot be a module's, or a file is in the way.
    """
    name = canonical(name)
    module = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(module):
        raise UsageError(
            f"'{name}' cannot name a plugin: it becomes a Python module, so take small letters, "
            f"digits and dashes, like 'my-{kind}'."
        )
    files = _one_file(name, module, kind) if one_file else _package(name, module, kind)
    paths = {parent / path: text for path, text in files.items()}
    taken = next(
        (path for path in [parent / next(iter(files)).split("/")[0], *paths] if path.exists()), None
    )
    if taken is not None:
        raise UsageError(
            f"{taken} is there already; nothing was written. Choose another name, or another "
            "folder with --in."
        )
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(paths)


def try_it(name: str, kind: str) -> str:
    """The words after `python -m sandbox` that run the new plugin."""
    return TRY[kind].format(name=canonical(name))


def _one_file(name: str, module: str, kind: str) -> dict[str, str]:
    text = _template(f"{kind}.py.txt", name, module)
    imports = re.search(r"^from sandbox import .*$", text, re.MULTILINE)
    if imports:
        text = text.replace(imports[0], f"{imports[0]}, hookimpl")
    else:
        gap = "" if kind == "agent" else "\n"
        text = text.replace("\n# -- hook", f"{gap}from sandbox import hookimpl\n\n# -- hook", 1)
    return {f"{module}.py": text.replace("# -- hook\n", "\n" + _hook(name, module, kind))}


def _package(name: str, module: str, kind: str) -> dict[str, str]:
    """A package: name of each file in it -> text."""
    inner = f"{module}.{kind}"
    body = _template(f"{kind}.py.txt", name, module).replace("# -- hook\n\n\n", "\n")
    what = f'"""The plugin {name}: registers names; their targets are imported when used."""'
    imports = ("import gymnasium\n\n" if kind == "env" else "") + "from sandbox import hookimpl"
    return {
        f"{name}/{module}/{kind}.py": body,
        f"{name}/{module}/__init__.py": f"{what}\n\n{imports}\n\n\n{_hook(name, inner, kind)}",
        f"{name}/tests/test_{module}.py": _template(f"test_{kind}.py.txt", name, inner),
        f"{name}/pyproject.toml": _template("pyproject.toml", name, module),
        f"{name}/README.md": _template("README.md", name, module).replace(
            "EXAMPLE_COMMAND", TRY[kind].format(name=name)
        ),
    }


def _hook(name: str, module: str, kind: str) -> str:
    body = HOOKS[kind].format(name=name, module=module, title=_title(name))
    return f"@hookimpl\ndef sandbox_register(registry):\n    {body}\n"


def _template(file: str, name: str, module: str) -> str:
    text = (TEMPLATES / file).read_text(encoding="utf-8")
    for placeholder, value in {
        "example-plugin": name,
        "example_module": module,
        "ExamplePlugin": _title(name),
    }.items():
        text = text.replace(placeholder, value)
    return text


def _title(name: str) -> str:
    """The name as a class name without a final "Lab", which the template adds: my-walk ->
    MyWalk."""
    words = [word.capitalize() for word in name.split("-")]
    return "".join(words[:-1] if len(words) > 1 and words[-1] == "Lab" else words)
