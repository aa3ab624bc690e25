"""Golden files of the published models, and files of the same kinds recorded here."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lipar_core.config import ScheduleConfig
from lipar_core.errors import CheckpointError
from lipar_core.flow import sigmas
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import select
from lipar_core.recorded_run import seeded_weights
from lipar_core.rope import RotaryTable
from lipar_core.runtime.denoise import BlockPlan, clean_pass, denoise_block, prepare_schedule
from lipar_core.runtime.passes import Passes
from lipar_core.verify import verify_file
from tests.tiny import tiny_models, tiny_preset

DATA = Path(__file__).parent.parent / "data"
FILES = ["self_forcing_rollout", "lipar_rollout", "lipar_rollout_published", "taehv_seeded"]


@pytest.mark.parametrize("name", FILES)
def test_published_models_are_reproduced(name):
    verdict = verify_file(DATA / f"{name}.safetensors", dtype="float32")
    assert verdict.passed, verdict
    assert verdict.tolerance == (1e-4 if name == "taehv_seeded" else 1e-5)


@pytest.mark.parametrize("name", FILES)
def test_published_models_are_reproduced_in_bfloat16(tmp_path, name):
    path = DATA / f"{name}.safetensors"
    if name == "taehv_seeded":  # two latent frames: bfloat16 convolutions are a hundred times slower on most CPUs
        path = _copy(name, tmp_path / "x.safetensors", _two_latent_frames)
    verdict = verify_file(path, dtype="bfloat16")
    assert verdict.passed, verdict
    assert verdict.tolerance == 2e-2


def _two_latent_frames(tensors, _):
    """The codec is causal: the beginning of the recording is the recording of the beginning."""
    lag = tensors["decoder_raw"].shape[1] - tensors["decoded"].shape[1]
    for key in ("latent", "decoder_input"):
        tensors[key] = tensors[key][:, :2].clone()
    for key in ("video", "decoder_raw"):
        tensors[key] = tensors[key][:, :8].clone()
    tensors["decoded"] = tensors["decoded"][:, : 8 - lag].clone()


def _copy(name: str, path: Path, change) -> Path:
    with safe_open(DATA / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        config = json.loads(file.metadata().get("config", "{}"))
    change(tensors, config)
    save_file(tensors, path, {"config": json.dumps(config)})
    return path


@pytest.mark.parametrize("key", ["weights.model.blocks.1.self_attn.v.weight", "block2.x0", "block0.noise1"])
def test_a_small_deviation_fails(tmp_path, key):
    path = _copy("lipar_rollout", tmp_path / "x.safetensors", lambda t, _: t[key].add_(1e-3))
    assert not verify_file(path).passed


def test_each_rule_matters(tmp_path):
    """The two recordings differ in restoration and refresh: neither passes with the other's settings."""
    for rule in ({"restore_from": "previous_block"}, {"refresh_last_frame": False}):
        path = _copy("lipar_rollout", tmp_path / "x.safetensors", lambda _, config, rule=rule: config.update(rule))
        assert not verify_file(path).passed


def test_nan_never_passes(tmp_path):
    def change(tensors, config):
        _two_latent_frames(tensors, config)
        tensors["latent"].fill_(torch.nan)

    assert not verify_file(_copy("taehv_seeded", tmp_path / "x.safetensors", change)).passed


@pytest.mark.parametrize(("block_frames", "sink", "window"), [(1, 2, 3), (3, 0, 6)])
def test_other_sizes_are_understood(tmp_path, block_frames, sink, window):
    """A rollout of another model, recorded with the block loop, is repeated from its file."""
    models = tiny_models(tiny_preset(block_frames=block_frames))
    dit, config, stream = models.dit, models.preset.transformer, models.preset.stream
    schedule = ScheduleConfig(steps=(500, 200), shift=2.0)
    tokens, count = stream.tokens_per_frame, 6
    shape = (block_frames, config.channels, stream.latent_height, stream.latent_width)
    generator = torch.Generator().manual_seed(5)
    context = torch.randn(config.text_length, config.text_dim, generator=generator)
    rope = RotaryTable(config.head_dim, stream.rows, stream.cols)
    cache = KVCache(config.layers, sink, window, rope, 4, (tokens, config.heads, config.head_dim))
    record = {"context": context} | {f"weights.model.{k}": v.clone() for k, v in dit.state_dict().items()}
    steps, previous = prepare_schedule(dit, sigmas(schedule), schedule), None
    passes = Passes(dit, cache, block_frames)
    passes.set_text(dit.text_kv(context))
    for i in range(count):
        keep = torch.rand(block_frames, tokens, generator=generator) < (0.4 if i else 1.1)
        source, *noises = (torch.randn(shape, generator=generator) for _ in range(3))
        chosen, _ = select(keep)
        plan = BlockPlan(chosen, chosen)
        cache.open(block_frames)
        flat = [patchify(noise, 2).flatten(0, 1) for noise in noises]
        x0 = denoise_block(passes, patchify(source, 2).flatten(0, 1), previous, plan, steps, flat)
        clean_pass(passes, x0, plan, steps)
        previous = x0[-tokens:]
        record |= {f"block{i}.noise{k}": noise for k, noise in enumerate(noises)}
        grid = keep.view(block_frames, stream.rows, stream.cols).to(torch.uint8)
        record |= {f"block{i}.source": source, f"block{i}.keep": grid}
        record[f"block{i}.x0"] = unpatchify(x0.view(block_frames, tokens, -1), 2, stream.rows).contiguous()
    described = {
        "dim": config.dim, "ffn_dim": config.ffn_dim, "freq_dim": config.time_dim, "text_dim": config.text_dim,
        "text_len": config.text_length, "num_heads": config.heads, "num_layers": config.layers, "eps": config.eps,
        "in_dim": config.channels, "out_dim": config.channels, "patch_size": [1, 2, 2], "latent_h": shape[2],
        "latent_w": shape[3], "frames_per_block": block_frames, "blocks": count, "steps": [500, 200], "shift": 2.0,
        "sink_frames": sink, "window_frames": window, "rope_cap_frames": 4, "refresh_last_frame": False,
        "restore_from": "previous_frame",
    }  # fmt: skip
    save_file(record, tmp_path / "r.safetensors", {"config": json.dumps(described)})
    assert verify_file(tmp_path / "r.safetensors").passed


def test_codec_files_of_another_layout_are_understood(tmp_path):
    codec = TAEHV(TAEHVConfig(latent_channels=48, unshuffle=2))
    codec.load_state_dict(seeded_weights(codec))
    video, latents = torch.rand(1, 8, 3, 32, 48), torch.randn(1, 2, 48, 2, 3)
    with torch.no_grad():
        raw = codec.decode(latents)[0]
        record = {"video": video, "latent": codec.encode(video)[0], "decoder_input": latents, "decoder_raw": raw}
    save_file(record | {"decoded": raw[:, 3:].clamp(0, 1).contiguous()}, tmp_path / "c.safetensors")
    assert verify_file(tmp_path / "c.safetensors").passed


def test_unknown_files_are_rejected(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    for name, message in (("a", "not a golden file"), ("junk", "unreadable"), ("missing", "no such file")):
        with pytest.raises(CheckpointError, match=message):
            verify_file(tmp_path / f"{name}.safetensors")


def test_missing_tensors_are_named(tmp_path):
    path = _copy("lipar_rollout", tmp_path / "x.safetensors", lambda t, _: t.pop("block3.noise1"))
    with pytest.raises(CheckpointError, match=r"block3\.noise1 is missing"):
        verify_file(path)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_run_is_repeated_in_its_recorded_dtype(tmp_path, dtype):
    def record(_, config):
        config["dtype"] = dtype

    path = _copy("self_forcing_rollout", tmp_path / "x.safetensors", record)
    assert verify_file(path) == verify_file(path, dtype=dtype)
    assert (verify_file(path).measure == "rel L2") == (dtype == "bfloat16")


def test_an_unknown_recorded_dtype_is_rejected(tmp_path):
    path = _copy("self_forcing_rollout", tmp_path / "x.safetensors", lambda _, config: config.update(dtype="float8"))
    with pytest.raises(CheckpointError, match="config dtype = 'float8'"):
        verify_file(path)
