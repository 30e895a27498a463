"""Registry: the plugins and everything they register.

Listing imports only the top module of a plugin; a target is imported when it is used. A broken
plugin is reported and stops nothing else.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from sandbox.errors import PluginError, SandboxError, UnknownNameError, UsageError, error_text
from sandbox.input_files import StrPath
from sandbox.lab import Lab
from sandbox.registry import hookspecs
from sandbox.registry.registrar import Entry, Plugin, Registrar, canonical
from sandbox.tables import read_table

if TYPE_CHECKING:
    from sandbox import LabConfig

BUILT_IN = read_table(__file__, "built_in.json")
"""The plugins of this distribution: name -> module. Only other distributions have entry points."""

COMMANDS: dict[str, str] = read_table(__file__, "commands.json")
"""The core's own commands: name -> one line of help; each is the function of that name in the
module of that name in `sandbox.cli.commands` (`list`: in `listing`). Plugins register more."""

ROOT = Path(__file__).resolve().parent.parent.parent
"""The folder that holds sandbox/, envs/, agents/ and plugins/."""


class Registry:
    """All plugins of one process.

    Args:
        outside: whether to look for plugins that other distributions installed (entry points of the
            group `sandbox`).

    Attributes:
        plugins: those discovered so far, by name.
        disabled: names of installed plugins that are not imported.
    """

    def __init__(self, outside: bool = True) -> None:
        self.plugins: dict[str, Plugin] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.disabled: set[str] = set()
        self._outside_wanted = outside
        for name, module in BUILT_IN.items():
            self._add(Plugin(name, "built in"), partial(_import_built_in, module))

    def entries(self, kind: str, *, outside: bool = True) -> list[Entry]:
        """Everything of one kind, by name. `outside=False` imports no plugins of other
        distributions.
        """
        if outside:
            self.load_outside()
        return sorted(
            (entry for entry in self._entries.values() if entry.kind == kind),
            key=lambda entry: entry.name,
        )

    @property
    def files(self) -> dict[str, str]:
        """The files of plugins that were given with -p, each with its SHA-256 at its import."""
        plugins = self.plugins.values()
        return {one.source: one.digest for one in plugins if one.digest and not one.error}

    def refuse_edited(self, file: str, digest: str) -> None:
        """Refuse a plugin's file whose SHA-256 is not that of the code that was loaded from it.

        Raises:
            UsageError: saying that the file changed.
        """
        if self.files.get(file, digest) != digest:
            raise UsageError(
                f"The plugin file {file} changed since it was loaded, and this process has its "
                "old code. Start a new process."
            )

    def find(self, kind: str, name: str) -> Entry:
        """The entry of that kind and name.

        Raises:
            UnknownNameError: naming the nearest one.
        """
        entry = self._lookup(kind, name)
        if entry is None:
            self.load_outside()
            entry = self._lookup(kind, name)
        if entry is None:
            self._refuse_broken(kind, name)
            known = [entry.name for entry in self.entries(kind)]
            raise UnknownNameError(
                kind, name, known, f"`python -m sandbox list {kind}s` shows all."
            )
        return entry

    def load(self, kind: str, name: str) -> Any:
        """The class or function registered under a name, imported now.

        Raises:
            UnknownNameError: when there is no such name.
            PluginError: when its import fails.
        """
        import pkgutil

        entry = self.find(kind, name)
        try:
            if self.plugins[entry.plugin].source == "built in":
                _import_built_in(entry.target.partition(":")[0])
            return pkgutil.resolve_name(entry.target)
        except (UsageError, KeyboardInterrupt):
            raise
        except BaseException as error:  # also SystemExit: a module that ends the program is broken
            raise PluginError(
                f"{kind.capitalize()} '{entry.name}' of plugin '{entry.plugin}' cannot be loaded "
                f"({entry.target}): {error_text(error)}"
            ) from error

    def lab(self, name: str) -> Lab:
        """A fresh instance of the lab called `name`.

        Raises:
            UnknownNameError: when there is no such name.
            PluginError: when its import fails, it cannot be created, or its `Config` is wrong.
        """
        make = self.load("lab", name)
        owner = self.find("lab", name).plugin
        try:
            lab = make()
        except (SandboxError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise PluginError(
                f"Lab '{name}' of plugin '{owner}' cannot be made. {error_text(error)}"
            ) from error
        if not isinstance(lab, Lab):
            kind = type(lab).__name__
            raise PluginError(
                f"Lab '{name}' of plugin '{owner}' is a {kind}, not a lab. Derive its class from "
                f"sandbox.Lab: class {kind}(Lab)."
            )
        presets = lab.presets
        if not (
            isinstance(presets, Mapping) and all(isinstance(x, Mapping) for x in presets.values())
        ):
            raise PluginError(
                f"The `presets` of lab '{name}' of plugin '{owner}' are settings by name, such as "
                '{"quick": {"episodes": 100}}.'
            )
        self.config("lab", name, lab)
        return lab

    def config(self, kind: str, name: str, found: object) -> type[LabConfig]:
        """The `Config` of what was loaded under a name.

        Raises:
            PluginError: when it has none, or one that is not derived from LabConfig.
        """
        from sandbox import LabConfig

        config = getattr(found, "Config", None)
        if not (isinstance(config, type) and issubclass(config, LabConfig)):
            owner = self.find(kind, name).plugin
            raise PluginError(
                f"{kind.capitalize()} '{name}' of plugin '{owner}' needs a `Config`, a class "
                f"derived from sandbox.LabConfig, not {config!r}."
            )
        if kind != "lab" and "name" in config.model_fields:
            raise PluginError(
                f"{kind.capitalize()} '{name}' has a setting `name`, as records call the {kind} "
                "itself; rename it."
            )
        return config

    def load_outside(self) -> None:
        """Import and register the plugins of other distributions, once."""
        if not self._outside_wanted:
            return
        self._outside_wanted = False
        for point in sorted(
            importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda point: point.name
        ):
            ours = point.value in BUILT_IN.values()  # of an older version that is still installed
            if not ours and canonical(point.name) not in self.disabled:
                owner = point.dist
                source = f"{owner.name} {owner.version}" if owner else "entry point"
                self._add(Plugin(point.name, source, owner.version if owner else ""), point.load)

    def add_file(self, path: StrPath, digest: str = "") -> Plugin:
        """Load a plugin from one file (`-p FILE`).

        Args:
            path: the file; its name without `.py` becomes the plugin's.
            digest: SHA-256 of the code that is wanted; "" for that of the file now.

        Raises:
            UsageError: when there is no such file, or other code was loaded from it before.
            PluginError: when the file cannot be imported or registered: unlike an installed plugin
                it was asked for by name.
        """
        path = Path(os.path.realpath(path))
        if not path.is_file():
            raise UsageError(f"There is no plugin file {path}.")
        try:
            now = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(f"Cannot read the plugin file {path}: {error.strerror}.") from error
        known = self.plugins.get(path.stem)
        if known is not None and known.source == str(path):
            self.refuse_edited(str(path), digest or now)
            return known
        plugin = self._add(Plugin(path.stem, str(path), digest=now), lambda: _import_file(path))
        if plugin.error:
            if _place(sys.modules.get(path.stem)) == str(path):
                del sys.modules[path.stem]
            raise PluginError(
                f"The plugin {path} cannot be used. {plugin.error}\n{plugin.trace}".rstrip()
            )
        self.refuse_edited(str(path), digest or now)
        return plugin

    def _lookup(self, kind: str, name: str) -> Entry | None:
        name = canonical(name)
        entry = self._entries.get((kind, name))
        of_kind = (one for one in self._entries.values() if one.kind == kind)
        return entry or next((one for one in of_kind if name in map(canonical, one.aliases)), None)

    def _add(self, plugin: Plugin, load: Callable[[], ModuleType]) -> Plugin:
        """Import a plugin and add what it registers, or record its error."""
        begun = time.perf_counter()
        try:
            if other := self.plugins.get(plugin.name):
                plugin.name = f"{plugin.name} ({plugin.source})"
                raise PluginError(f"There is already a plugin '{other.name}' ({other.source}).")
            module = load()
            self._manager.register(module, plugin.name)
            self._refuse_misspelt(plugin, module)
            others = [one for name, one in self._manager.list_name_plugin() if one is not module]
            self._manager.subset_hook_caller("sandbox_register", others)(registry=Registrar(plugin))
            self._refuse_taken(plugin)
            self._entries.update({(entry.kind, entry.name): entry for entry in plugin.entries})
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, PluginError):
                plugin.error = str(error)
            else:
                plugin.error = error_text(error)
                plugin.trace = "".join(traceback.format_exception(error, limit=-4))
            plugin.entries = []
            if self._manager.has_plugin(plugin.name):
                self._manager.unregister(name=plugin.name)
        plugin.seconds = time.perf_counter() - begun
        self.plugins[plugin.name] = plugin
        return plugin

    def _refuse_misspelt(self, plugin: Plugin, module: ModuleType) -> None:
        known = [name for name in vars(hookspecs) if name.startswith("sandbox_")]
        hooks = [
            name
            for name in vars(module)
            if self._manager.parse_hookimpl_opts(module, name) is not None
        ]
        for name in sorted(set(hooks).difference(known)):
            hint = f"Plugin '{plugin.name}' implements it."
            raise PluginError(str(UnknownNameError("hook", name, known, hint)))
        if not hooks:
            raise PluginError(
                f"Plugin '{plugin.name}' has no hook: expected a function "
                "`sandbox_register(registry)` marked with `@hookimpl`."
            )

    def _refuse_taken(self, plugin: Plugin) -> None:
        seen = dict(self._entries)
        for entry in plugin.entries:
            if entry.kind == "command" and entry.name in COMMANDS:
                raise PluginError(
                    f"Plugin '{plugin.name}' brings command '{entry.name}', which the sandbox has; "
                    "rename it."
                )
            other = seen.setdefault((entry.kind, entry.name), entry)
            if other is not entry:
                raise PluginError(
                    f"Plugins '{other.plugin}' and '{plugin.name}' both bring {entry.kind} "
                    f"'{entry.name}'; rename one of them."
                )

    def _refuse_broken(self, kind: str, name: str) -> None:
        """Raise the error of a broken plugin that a name may belong to."""
        for plugin in self.plugins.values():
            if plugin.error and canonical(name) == canonical(plugin.name):
                raise PluginError(
                    f"Plugin '{plugin.name}' is broken, so there is no {kind} '{name}': "
                    f"{plugin.error} See `python -m sandbox plugins`."
                )


@cache
def registry() -> Registry:
    """The registry of this process. The environment variable SANDBOX_PLUGINS=none keeps plugins of
    other distributions out.
    """
    return Registry(outside=os.environ.get("SANDBOX_PLUGINS", "") != "none")


def _place(module: ModuleType | None) -> str:
    """The file of a module; of a package without one, its first folder; else ""."""
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")


def _import_built_in(name: str) -> ModuleType:
    """Import a module of ours, and make sure that it is ours: a folder named `envs` elsewhere on
    the path must not replace it.
    """
    module = importlib.import_module(name)
    where = _place(module)
    if not Path(where).resolve().is_relative_to(ROOT / name.split(".")[0]):
        raise UsageError(
            f"The package '{name.split('.')[0]}' found at {where} hides the sandbox's own. Use "
            "`python -m sandbox`, or import sandbox from another folder."
        )
    return module


def _import_file(path: Path) -> ModuleType:
    name = path.stem
    if not name.isidentifier():
        python_name = re.sub(r"\W|^(?=\d)", "_", name)
        raise PluginError(
            f"A plugin file is imported under its own name; '{path.name}' is no Python name. "
            f"Rename it, for example to '{python_name}.py'."
        )
    if name in sys.modules and _place(sys.modules[name]) != str(path):
        raise PluginError(f"A module named '{name}' is already loaded; rename {path.name}.")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path.name} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
