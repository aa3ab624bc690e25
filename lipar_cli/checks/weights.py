"""The preset's checkpoints: present, complete, and unchanged since their download."""

from pathlib import Path

from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target
from lipar_cli.weights.manifest import Manifest
from lipar_cli.weights.sources import sources_of
from lipar_core.weight_files import missing_weights, missing_weights_remedy, weights_folder


def check_weights(target: Target) -> Result:
    preset = target.preset
    if missing := missing_weights(preset):
        return fail("; ".join(missing), missing_weights_remedy(preset))
    names = (preset.weights.transformer, preset.weights.codec, preset.weights.text)
    if all(name.startswith("bundled:") for name in names):
        return ok(f"preset {preset.name} is bundled with the package")
    if any(Path(name).is_absolute() for name in names):
        return ok(f"preset {preset.name}: all files are present; they are your own, without checksums")
    targets = [source.target for source in sources_of(preset)]
    return judge_files(Manifest(weights_folder()), targets, read_all=target.checksums)


def judge_files(manifest: Manifest, targets: list[str], *, read_all: bool) -> Result:
    """Compare sizes with the manifest; with `read_all` also the checksums."""
    unknown = [name for name in targets if name not in manifest.entries]
    wrong = [name for name in targets if name in manifest.entries and not _is_unchanged(manifest, name, read_all)]
    if wrong:
        return fail(f"changed since the download: {', '.join(wrong)}", "remove them, then run `lipar download` again")
    if unknown:
        return warn(f"no checksum known: {', '.join(unknown)}", "fetch them with `lipar download` to have them checked")
    kind = "sizes and SHA-256" if read_all else "sizes (--checksums also reads the contents)"
    return ok(f"{len(targets)} files in {manifest.folder}: {kind} as downloaded")


def _is_unchanged(manifest: Manifest, name: str, read_all: bool) -> bool:
    from lipar_cli.weights.transfer import sha256_of

    if not manifest.has(name):
        return False
    return not read_all or sha256_of(manifest.folder / name) == manifest.entries[name].sha256
