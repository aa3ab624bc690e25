"""The allowed imports between rooms of the code base, and helpers of `test_rooms.py` to read imports."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.local import ROOT

PRODUCT = ("lipar_core", "lipar_video", "lipar_eval", "lipar_cli", "server")
OURS = (*PRODUCT, "training", "benchmarks", "harness", "tests", "scripts")


@dataclass(frozen=True, kw_only=True)
class Room:
    """A group of modules; a prefix names a module or a package with all its modules."""

    name: str
    prefixes: tuple[str, ...]
    may_import: tuple[str, ...]  # rooms, besides itself
    packages: frozenset[str]  # third-party, by the name that is imported


PLAIN, EQUATIONS, KERNELS, CHECKPOINTS, MODELS = "plain", "equations", "kernels", "checkpoints", "models"
PRUNING, RUNTIME, STREAM, SESSION = "pruning", "runtime", "stream", "session"
WIRE, MODEL, MEDIA, WORKERS, CONTROL, API = "wire", "model", "media", "workers", "control", "api"
SCHEDULER = "scheduler"
SERVE, COMMANDS = "serve", "commands"
SETTINGS, ENTRY, EVALUATION, VIDEO = "settings", "entry", "evaluation", "video"
CORE = (PLAIN, EQUATIONS, KERNELS, CHECKPOINTS, MODELS, PRUNING, RUNTIME, STREAM, SESSION)


def core(*modules: str) -> tuple[str, ...]:
    return tuple(f"lipar_core.{module}" for module in modules)


# The first room with the longest matching prefix is a module's own.
ROOMS = (
    Room(
        name=PLAIN,
        prefixes=(
            "lipar_core.__init__",
            *core(
                "errors", "fields", "parsing", "config", "presets", "parameters", "sizes", "weight_files", "colour_tags"
            ),
            *core("acknowledgement"),
        ),
        may_import=(),
        packages=frozenset({"yaml", "msgspec"}),
    ),
    Room(
        name=EQUATIONS,
        prefixes=core("colour", "flow", "noise", "patches", "rope"),
        may_import=(PLAIN,),
        packages=frozenset({"torch"}),
    ),
    Room(
        name=KERNELS,
        prefixes=core("kernels"),
        may_import=(EQUATIONS,),
        packages=frozenset({"torch", "triton", "flash_attn"}),
    ),
    Room(
        name=CHECKPOINTS,
        prefixes=core("checkpoints"),
        may_import=(PLAIN,),
        packages=frozenset({"numpy", "torch", "safetensors"}),
    ),
    Room(
        name=MODELS,
        prefixes=core("models"),
        may_import=(PLAIN, EQUATIONS, KERNELS, CHECKPOINTS),
        packages=frozenset({"torch", "safetensors", "transformers"}),
    ),
    Room(
        name=PRUNING,
        prefixes=core("pruning"),
        may_import=(PLAIN, EQUATIONS, KERNELS),
        packages=frozenset({"torch"}),
    ),
    Room(
        name=RUNTIME,
        prefixes=core("runtime"),
        may_import=(PLAIN, EQUATIONS, KERNELS, MODELS, PRUNING),
        packages=frozenset({"torch"}),
    ),
    Room(
        name=STREAM,
        prefixes=core("stream"),
        may_import=(PLAIN, EQUATIONS, KERNELS, MODELS, PRUNING, RUNTIME),
        packages=frozenset({"torch"}),
    ),
    Room(
        name=SESSION,
        prefixes=core("session", "speed", "recorded_run", "verify"),
        may_import=CORE,
        packages=frozenset({"torch", "safetensors", "msgspec"}),
    ),
    Room(
        name=WIRE,
        prefixes=("server.wire", "server.ring", "server.model_options"),
        may_import=(PLAIN,),
        packages=frozenset({"numpy", "msgspec", "pydantic"}),
    ),
    Room(
        name=SCHEDULER,  # tested without a model or a clock
        prefixes=("server.model.scheduler",),
        may_import=(),
        packages=frozenset(),
    ),
    Room(
        name=MODEL,
        prefixes=("server.model",),
        may_import=(*CORE, WIRE, SCHEDULER),
        packages=frozenset({"torch", "numpy", "msgspec"}),
    ),
    Room(
        name=MEDIA,
        prefixes=("server.media",),
        may_import=(PLAIN, WIRE, SETTINGS),
        packages=frozenset({"aiortc", "aioice", "av", "numpy", "OpenSSL"}),
    ),
    Room(
        name=SETTINGS,
        prefixes=(
            "server.settings",
            "server.settings_sources",
            "server.errors",
            "server.ice",
            "server.supervisor",
        ),
        may_import=(PLAIN,),
        packages=frozenset({"msgspec"}),
    ),
    Room(
        name=ENTRY,  # named in the web process, run in the model process
        prefixes=("server.workers.entry",),
        may_import=(MODEL, WIRE),
        packages=frozenset(),
    ),
    Room(
        name=WORKERS,
        prefixes=("server.workers",),
        may_import=(WIRE, SETTINGS, ENTRY),
        packages=frozenset(),
    ),
    Room(
        name=CONTROL,
        prefixes=("server.control",),
        may_import=(PLAIN, WIRE, MEDIA, SETTINGS, WORKERS, ENTRY),
        packages=frozenset({"aiortc", "msgspec"}),
    ),
    Room(
        name=API,
        prefixes=("server.__init__", "server.api", "server.run"),
        may_import=(PLAIN, MEDIA, SETTINGS, CONTROL, ENTRY),
        packages=frozenset({"fastapi", "msgspec", "pydantic", "starlette", "uvicorn"}),
    ),
    Room(
        name=SERVE,
        prefixes=("lipar_cli.serve",),
        may_import=(COMMANDS, PLAIN, API, SETTINGS),
        packages=frozenset({"msgspec", "uvicorn"}),
    ),
    Room(
        name=VIDEO,
        prefixes=("lipar_video",),
        may_import=(PLAIN,),
        packages=frozenset({"av", "numpy"}),
    ),
    Room(
        name=EVALUATION,
        prefixes=("lipar_eval",),
        may_import=(*CORE, VIDEO),
        packages=frozenset(
            {"cv2", "jinja2", "lpips", "matplotlib", "msgspec", "numpy", "PIL", "torch", "torchmetrics"}
        ),
    ),
    Room(
        name=COMMANDS,
        prefixes=("lipar_cli",),
        may_import=(*CORE, VIDEO, EVALUATION, SERVE),
        packages=frozenset({"av", "httpx2", "huggingface_hub", "msgspec", "numpy", "torch"}),
    ),
)
BY_NAME = {room.name: room for room in ROOMS}


@dataclass(frozen=True)
class Import:
    """One import statement's target, as seen from the module that has it."""

    importer: str
    target: str
    line: int
    at_start: bool  # runs when the module is imported, not in a function's body


def modules(*packages: str, root: Path = ROOT) -> dict[str, Path]:
    """Every module of the packages, by dotted name; a package itself ends in `.__init__`."""
    files = (path for package in packages for path in sorted((root / package).rglob("*.py")))
    return {".".join(path.relative_to(root).with_suffix("").parts): path for path in files}


def room_of(module: str) -> Room:
    """The room with the longest matching prefix."""
    fits = [(len(prefix), room) for room in ROOMS for prefix in room.prefixes if f"{module}.".startswith(f"{prefix}.")]
    if not fits:
        raise LookupError(f"{module} is in no room")
    return max(fits, key=lambda fit: fit[0])[1]


def imports_of(module: str, path: Path, known: set[str]) -> list[Import]:
    """All imports of a file. Targets in this code base are named as in `known`."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    found = []
    for node, at_start in _import_nodes(tree, at_start=True):
        for target in _targets(node, module, known):
            found.append(Import(module, target, node.lineno, at_start))
    return found


def _import_nodes(node: ast.AST, *, at_start: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, at_start
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _import_nodes(child, at_start=at_start and not inside)


def _targets(node: ast.Import | ast.ImportFrom, module: str, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (_known_name(alias.name, known) for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
    for alias in node.names:
        full = _known_name(f"{base}.{alias.name}", known)
        yield full if full in known else _known_name(base, known)


def _known_name(name: str, known: set[str]) -> str:
    return f"{name}.__init__" if f"{name}.__init__" in known else name


def package_of(target: str) -> str:
    return target.split(".")[0]


def is_third_party(target: str) -> bool:
    return package_of(target) not in (*OURS, *sys.stdlib_module_names)


def violations(found: Import) -> Iterator[str]:
    """Violations of the rules by an import."""
    room, location = room_of(found.importer), f"{found.importer}:{found.line} ({room_of(found.importer).name})"
    if is_third_party(found.target):
        if package_of(found.target) not in room.packages:
            yield f"{location} imports the package {package_of(found.target)}; allowed are {sorted(room.packages)}"
    elif package_of(found.target) in PRODUCT:
        other = room_of(found.target)
        if other is not room and other.name not in room.may_import:
            yield f"{location} imports {found.target} ({other.name}); allowed are {sorted(room.may_import)}"
    elif package_of(found.target) in OURS:
        yield f"{location} imports {found.target}, which is no part of the product"


def cycle(arrows: dict[str, set[str]]) -> list[str]:
    """A cycle of imports, as the modules along it; empty if there is none."""
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for target in sorted(arrows.get(module, ())):
            if loop := walk(target, [*trail, module]):
                return loop
        done.add(module)
        return []

    return next((loop for module in sorted(arrows) if (loop := walk(module, []))), [])
