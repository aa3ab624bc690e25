"""The command line under test, on a preset of random weights and a few tokens."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
import yaml
from safetensors.torch import save_file

from harness.hub_server import hub_of_small_files
from lipar_cli.main import main
from lipar_core.config import StreamSection
from lipar_core.kinds.registry import SECTIONS
from lipar_core.models.hashed_text import HashedTextEncoder
from tests.cli.clips import make_clip
from tests.tiny import tiny_models

Lipar = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a preset file with a checkpoint of seeded random weights."""
    return write_preset(tmp_path_factory.mktemp("preset"))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine frames at 25 fps, with AAC audio."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", audio="aac")


@pytest.fixture
def lipar(capsys: pytest.CaptureFixture[str]) -> Lipar:
    """Run a command in this process; returns exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # raised by argparse
            code = int(error.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def edit(lipar: Lipar, preset: Path, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """`edit(source, "--flag", out="name.mkv")` runs `lipar edit`, which must succeed; returns file and output."""

    def run(source: Path, *flags: object, out: str = "out.mp4") -> tuple[Path, str]:
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        code, output_text, error_text = lipar(
            "edit", source, "-o", folder / out, "-p", "a pencil sketch", "--preset", preset, *flags
        )
        assert code == 0, error_text
        assert [path.name for path in folder.iterdir()] == [out]
        return folder / out, output_text + error_text

    return run


def write_preset(folder: Path, name: str = "random") -> Path:
    """A preset of `tests/tiny.py`'s sizes, one latent frame per block, with its bundle of weights."""
    models = tiny_models()
    bundle = folder / f"{name}.safetensors"
    text = HashedTextEncoder(
        models.preset.text, models.preset.transformer.text_length, models.preset.transformer.text_dim
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = {f"model.{key}": value for key, value in models.dit.state_dict().items()}
        tensors |= models.codec.state_dict() | {
            f"text.{key}": torch.randn_like(v) for key, v in text.state_dict().items()
        }
    save_file({key: value.clone() for key, value in tensors.items()}, bundle)
    tree = msgspec.to_builtins(models.preset)
    del tree["name"]
    for section in SECTIONS:
        tree[section.name]["kind"] = getattr(models.preset, section.name).kind
    tree["stream"] = {field.name: tree["stream"][field.name] for field in msgspec.structs.fields(StreamSection)}
    tree["stream"] |= {"block_frames": 1, "window_frames": 4}
    tree["weights"] = dict.fromkeys(("transformer", "codec", "text"), str(bundle))
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = hub_of_small_files()
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("LIPAR_TAEHV_URL", f"{server.url}/raw/taew2_1.pth")
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path / "weights"))
    yield server
    server.shutdown()
    server.server_close()
