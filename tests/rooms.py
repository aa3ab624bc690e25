"""The allowed imports between rooms of the code base."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.imports import OURS, PRODUCT, Import, is_third_party, package_of


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
SERVE, DOCTOR, COMMANDS = "serve", "doctor", "commands"
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
                "buckets",
                "errors",
                "fields",
                "load_progress",
                "parsing",
                "config",
                "presets",
                "preset_files",
                "parameters",
                "parameter_changes",
                "sizes",
                "weight_files",
                "colour_tags",
            ),
            *core("acknowledgement", "kinds", "region", "session_timeline", "transition", "weighted_prompt"),
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
        may_import=(PLAIN, EQUATIONS),
        packages=frozenset({"torch", "triton"}),
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
        prefixes=core("session", "memory_plan", "workspace", "drift", "replay", "speed", "recorded_run", "verify"),
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
        may_import=(PLAIN, WIRE, SETTINGS, VIDEO),
        packages=frozenset({"aiortc", "aioice", "av", "numpy", "OpenSSL"}),
    ),
    Room(
        name=SETTINGS,
        prefixes=(
            "server.settings",
            "server.devices",
            "server.settings_sources",
            "server.errors",
            "server.ice",
            "server.listen",
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
        packages=frozenset({"aiortc", "msgspec", "prometheus_client"}),
    ),
    Room(
        name=API,
        prefixes=("server.__init__", "server.api", "server.run"),
        may_import=(PLAIN, MEDIA, SETTINGS, CONTROL, WORKERS, ENTRY),
        packages=frozenset({"fastapi", "msgspec", "prometheus_client", "pydantic", "starlette", "uvicorn"}),
    ),
    Room(
        name=SERVE,
        prefixes=("lipar_cli.serve", "lipar_cli.self_signed"),
        may_import=(COMMANDS, PLAIN, API, SETTINGS),
        packages=frozenset({"aioice", "cryptography", "msgspec", "segno", "uvicorn"}),
    ),
    Room(
        name=DOCTOR,  # it tests what the server will use
        prefixes=("lipar_cli.doctor", "lipar_cli.checks"),
        may_import=(COMMANDS, *CORE, WIRE, SETTINGS, MEDIA),
        packages=frozenset({"aioice", "aiortc", "av", "cryptography", "numpy", "torch"}),
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
            {"av", "cv2", "jinja2", "lpips", "matplotlib", "msgspec", "numpy", "PIL", "torch", "torchmetrics"}
        ),
    ),
    Room(
        name=COMMANDS,
        prefixes=("lipar_cli",),
        may_import=(*CORE, VIDEO, EVALUATION, SERVE, DOCTOR),
        packages=frozenset({"av", "httpx2", "huggingface_hub", "msgspec", "numpy", "pythonosc", "torch"}),
    ),
)
BY_NAME = {room.name: room for room in ROOMS}


def room_of(module: str) -> Room:
    """The room with the longest matching prefix."""
    fits = [(len(prefix), room) for room in ROOMS for prefix in room.prefixes if f"{module}.".startswith(f"{prefix}.")]
    if not fits:
        raise LookupError(f"{module} is in no room")
    return max(fits, key=lambda fit: fit[0])[1]


def violations(statement: Import) -> Iterator[str]:
    """Violations of the rules by an import."""
    room = room_of(statement.importer)
    location = f"{statement.importer}:{statement.line} ({room.name})"
    if is_third_party(statement.target):
        if package_of(statement.target) not in room.packages:
            yield f"{location} imports the package {package_of(statement.target)}; allowed are {sorted(room.packages)}"
    elif package_of(statement.target) in PRODUCT:
        other = room_of(statement.target)
        if other is not room and other.name not in room.may_import:
            yield f"{location} imports {statement.target} ({other.name}); allowed are {sorted(room.may_import)}"
    elif package_of(statement.target) in OURS:
        yield f"{location} imports {statement.target}, which is not part of the product"
