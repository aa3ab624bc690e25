"""Kinds of models: the registry, and a family that nothing but the registry knows."""

import pkgutil

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from lipar_core.errors import ConfigError
from lipar_core.kinds.registry import CODECS, SECTIONS, TEXT_ENCODERS, TRANSFORMERS
from lipar_core.memory_plan import stream_plan
from lipar_core.models.loading import Models, load_models
from lipar_core.parameters import Parameters, Pruning
from lipar_core.preset_files import presets_folder
from lipar_core.presets import load_preset
from lipar_core.session import EditSession
from tests.core.models.toy_family import BLOCKS, RANDOM, TOY, ToyConfig, ToyDenoiser
from tests.tiny import moving_square

PRESET = {
    "description": "toy",
    "device": "cpu",
    "dtype": "float32",
    "stream": {"width": 64, "height": 48, "block_frames": 2, "window_frames": 4},
    "codec": {"kind": "blocks"},
    "transformer": {"kind": "toy", "channels": 96, "width": 32},
    "schedule": {"steps": [400, 250], "shift": 3.0},
    "text": {"kind": "random"},
    "pruning": {"threshold": 4},
    "styles": [{"name": "Any", "prompt": "anything"}],
}
COUNT = 20


@pytest.fixture
def models(tmp_path, monkeypatch) -> Models:
    """Of a preset file that names the toy family, registered for the test."""
    for section, kind in ((CODECS, BLOCKS), (TRANSFORMERS, TOY), (TEXT_ENCODERS, RANDOM)):
        monkeypatch.setattr(section, "kinds", dict(section.kinds))
        section.register(kind)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(ToyDenoiser(ToyConfig(channels=96, width=32)).state_dict(), tmp_path / "toy.safetensors")
    weights = dict.fromkeys(("transformer", "codec", "text"), str(tmp_path / "toy.safetensors"))
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(PRESET | {"weights": weights}))
    return load_models(load_preset(path))


def edit(models: Models, *, enabled: bool = True, keep: Tensor | None = None) -> tuple[Tensor, list[float]]:
    settings = Parameters(prompt="anything", pruning=Pruning(detector="anchor", threshold=4, enabled=enabled))
    force_keep = None if keep is None else lambda block: keep
    session: EditSession[int] = EditSession(models, settings, force_keep=force_keep)
    edited = session.push(moving_square(COUNT, models.preset), range(COUNT))
    return edited.frames, [report.keep_ratio for report in edited.blocks]


def test_sizes_are_those_of_the_codec_and_the_transformer(models):
    stream = models.preset.stream
    assert stream.frames_per_block == 4
    assert (stream.latent_height, stream.latent_width, stream.rows, stream.cols) == (12, 16, 6, 8)
    assert edit(models)[0].shape == (COUNT, 3, 48, 64)


def test_a_registered_family_is_pruned(models):
    frames, ratios = edit(models)
    assert ratios[0] == 1
    assert all(0 < ratio < 1 for ratio in ratios[1:])
    assert not torch.equal(frames, edit(models, enabled=False)[0])


def test_keeping_every_token_is_the_unpruned_family(models):
    stream = models.preset.stream
    everything = torch.ones(stream.block_frames, stream.rows, stream.cols, dtype=torch.bool)
    assert torch.equal(edit(models, keep=everything)[0], edit(models, enabled=False)[0])


@pytest.mark.parametrize(
    ("section", "kind", "allowed"),
    [
        ("transformer", "gan", "transformer.kind = 'gan': must be one of 'wan'"),
        ("transformer", 3, "transformer.kind = 3: must be one of 'wan'"),
        ("codec", "vae", "codec.kind = 'vae': must be one of 'taehv'"),
        ("text", ["umt5"], "text.kind = ['umt5']: must be one of 'umt5', 'hashed', 'precomputed'"),
    ],
)
def test_an_unknown_kind_is_rejected_with_the_registered_ones(tmp_path, section, kind, allowed):
    tree = yaml.safe_load((presets_folder() / "tiny.yaml").read_text())
    tree[section]["kind"] = kind
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError) as rejection:
        load_preset(path)
    assert allowed in str(rejection.value)


def test_a_section_without_a_kind_has_the_default():
    tree = yaml.safe_load((presets_folder() / "tiny.yaml").read_text())
    for section in (CODECS, TRANSFORMERS):
        assert section.parse(tree[section.name] | {"kind": section.default}) == section.parse(tree[section.name])


def test_every_registered_loader_exists():
    for section in SECTIONS:
        for kind in section.kinds.values():
            assert callable(pkgutil.resolve_name(kind.load))
            assert kind.build is None or callable(pkgutil.resolve_name(kind.build))


def test_doctor_counts_the_memory_of_a_registered_family(models):
    plan = stream_plan(models.preset, 1, models.precision, on_gpu=False)
    assert plan.shared["transformer"] == 4 * sum(value.numel() for value in models.dit.state_dict().values())
    assert plan.per_session["KV cache"] > 0
