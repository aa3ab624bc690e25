"""LoRA files with common key names, merged at load time; keys that do not fit are named."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.errors import CheckpointError, ConfigError
from lipar_core.models.loading import load_models
from lipar_core.models.wan import CausalWan
from lipar_core.presets import load_preset
from lipar_core.weight_files import locate
from tests.core.checkpoints.wan_checkpoints import diffusers_name
from tests.tiny import tiny_models

MODELS = tiny_models()
WAN = MODELS.dit.state_dict()
RANK, ALPHA, SCALE = 4, 2.0, 0.7
MODULES = ["blocks.0.self_attn.q", "blocks.1.cross_attn.o", "blocks.1.ffn.0", "blocks.0.ffn.2", "text_embedding.0"]


def factors(module):
    rows, columns = WAN[f"{module}.weight"].shape
    return torch.randn(RANK, columns), torch.randn(rows, RANK)


FACTORS = {module: factors(module) for module in MODULES}


def merge(tmp_path, *states, scale=SCALE, metadata=None):
    save_file({name: value.clone() for name, value in WAN.items()}, tmp_path / "base.safetensors")
    files = []
    for i, state in enumerate(states):
        files.append((tmp_path / f"lora{i}.safetensors", scale))
        save_file(state, files[-1][0], metadata)
    with MetaDevice():
        module = CausalWan(MODELS.preset.transformer)
    load_network(module, tmp_path / "base.safetensors", "transformer", torch.device("cpu"), torch.float32, files)
    return module.state_dict()


def rejection(tmp_path, state, **kwargs):
    with pytest.raises(CheckpointError) as error:
        merge(tmp_path, state, **kwargs)
    text = str(error.value)
    assert text.isprintable()
    assert "lora0.safetensors" in text
    return text


def assert_merged(state, factor):
    for name, value in WAN.items():
        module = name.removesuffix(".weight")
        if module in FACTORS:
            down, up = FACTORS[module]
            value = value + factor * up @ down
        torch.testing.assert_close(state[name], value)


def kohya(module):
    return "lora_unet_" + module.replace(".", "_")


def kohya_of_diffusers(module):
    return "lora_unet_" + diffusers_name(f"{module}.").rstrip(".").replace(".", "_")


def diffusers(module):
    return "transformer." + diffusers_name(f"{module}.").rstrip(".")


def comfyui(module):
    return f"diffusion_model.{module}"


def peft(module):
    return f"base_model.model.{module}"


@pytest.mark.parametrize("style", [kohya, kohya_of_diffusers, diffusers, comfyui, peft])
@pytest.mark.parametrize(("down", "up"), [("lora_A", "lora_B"), ("lora_down", "lora_up"), ("lora.down", "lora.up")])
@pytest.mark.parametrize("alpha", [True, False])
def test_key_styles(tmp_path, style, down, up, alpha):
    state = {}
    for module, pair in FACTORS.items():
        for name, value in zip((down, up), pair, strict=True):
            state[f"{style(module)}.{name}.weight"] = value
        if alpha:
            state[f"{style(module)}.alpha"] = torch.tensor(ALPHA)
    assert_merged(merge(tmp_path, state), SCALE * ALPHA / RANK if alpha else SCALE)


def plain(**changes):
    state = {}
    for module, (down, up) in FACTORS.items():
        state |= {f"{comfyui(module)}.lora_A.weight": down, f"{comfyui(module)}.lora_B.weight": up}
    return state | changes


def test_two_loras_add_up(tmp_path):
    assert_merged(merge(tmp_path, plain(), plain()), 2 * SCALE)


def test_scale_0_changes_nothing(tmp_path):
    assert_merged(merge(tmp_path, plain(), scale=0.0), 0)


def test_pefts_metadata_has_alpha(tmp_path):
    metadata = {"lora_adapter_metadata": json.dumps({"transformer.lora_alpha": ALPHA, "transformer.r": RANK})}
    assert_merged(merge(tmp_path, plain(), metadata=metadata), SCALE * ALPHA / RANK)
    metadata = {"lora_adapter_metadata": json.dumps({"transformer.use_rslora": True})}
    assert "use_rslora" in rejection(tmp_path, plain(), metadata=metadata)


def test_full_differences(tmp_path):
    """ComfyUI's files contain full-rank deltas: biases, norms, the patch embedding."""
    differences = {
        "blocks.0.norm3.diff": ("blocks.0.norm3.weight", torch.randn(48)),
        "blocks.0.self_attn.q.diff_b": ("blocks.0.self_attn.q.bias", torch.randn(48)),
        "patch_embedding.diff": ("patch_embedding.weight", torch.randn(48, 8, 1, 2, 2)),
        "blocks.1.modulation.diff": ("blocks.1.modulation", torch.randn(1, 6, 48)),
    }
    merged = merge(tmp_path, {f"diffusion_model.{key}": value for key, (_, value) in differences.items()})
    for name, value in differences.values():
        torch.testing.assert_close(merged[name], WAN[name] + SCALE * value)


def test_convolutions_have_factors_too(tmp_path):
    down, up = torch.randn(RANK, 8, 1, 2, 2), torch.randn(48, RANK, 1, 1, 1)
    key = "diffusion_model.patch_embedding"
    merged = merge(tmp_path, {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up})
    expected = torch.einsum("or,ritxy->oitxy", up[:, :, 0, 0, 0], down)
    torch.testing.assert_close(merged["patch_embedding.weight"], WAN["patch_embedding.weight"] + SCALE * expected)


Q = "diffusion_model.blocks.0.self_attn.q"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({f"{Q}.lora_A.weight": torch.zeros(3, 48)}, f"{Q}.lora_A.weight has shape [3, 48]"),
        (
            {f"{Q}.lora_A.weight": torch.zeros(4, 96)},
            "of shape [48, 96], the model's blocks.0.self_attn.q.weight has [48, 48]",
        ),
        ({f"{Q}.lora_B.weight": torch.zeros(5120, 4)}, "for a weight of shape [5120, 48]"),
        ({f"{Q}.diff_b": torch.zeros(5)}, "for a weight of shape [5], the model's blocks.0.self_attn.q.bias has [48]"),
        ({f"{Q}.lora_A.weight": torch.full((4, 48), float("nan"))}, "q.lora_A.weight holds NaN"),
        (
            {"diffusion_model.blocks.9.self_attn.q.lora_A.weight": torch.zeros(4, 48)},
            "unexpected key diffusion_model.b",
        ),
        ({"lora_te_a.lora_down.weight": torch.zeros(4, 48)}, "unexpected key lora_te_a.lora_down.weight"),
        ({"diffusion_model.blocks.0.cross_attn.k_img.lora_A.weight": torch.zeros(4, 48)}, "unexpected key"),
        ({"diffusion_model.blocks.0.self_attn.k.lora_A.weight": torch.zeros(4, 48)}, "without its counterpart"),
        ({f"{Q}.lora_down.weight": torch.zeros(4, 48)}, "are for the same weight"),
        ({f"{Q}.diff": torch.zeros(48, 48)}, "beside a low-rank update"),
        ({f"{Q}.hada_w1_a": torch.zeros(4, 48)}, "a LoHa, which is not supported"),
        ({f"{Q}.lokr_w1": torch.zeros(4, 4)}, "a LoKr, which is not supported"),
        ({f"{Q}.dora_scale": torch.zeros(48)}, "a DoRA, which is not supported"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    assert message in rejection(tmp_path, plain(**change))


def test_a_checkpoint_is_not_a_lora(tmp_path):
    assert "unexpected key" in rejection(tmp_path, {name: value.clone() for name, value in WAN.items()})


def test_a_preset_names_loras(tmp_path):
    tree = yaml.safe_load((locate("bundled:").parents[1] / "configs" / "tiny.yaml").read_text(encoding="utf-8"))
    own = load_file(locate("bundled:tiny.safetensors"))["model.head.head.bias"].float()
    save_file({"diffusion_model.head.head.diff_b": torch.ones_like(own)}, tmp_path / "lora.safetensors")
    preset = tmp_path / "mine.yaml"

    def write(**lora):
        preset.write_text(yaml.safe_dump(tree | {"weights": tree["weights"] | {"loras": [lora]}}))
        return load_preset(preset)

    models = load_models(write(file=str(tmp_path / "lora.safetensors"), scale=0.5), "cpu", "float32")
    torch.testing.assert_close(models.dit.head.head.bias, own + 0.5)
    with pytest.raises(CheckpointError, match=r"elsewhere\.safetensors is missing"):
        load_models(write(file="elsewhere.safetensors"), "cpu")
    with pytest.raises(ConfigError, match=r"weights\.loras\[0\]\.scale = 11"):
        write(file="a", scale=11)
