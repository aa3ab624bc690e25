"""Identifies state dicts of other models by their keys and shapes, for error messages."""

from collections.abc import Iterable, Mapping

from torch import Tensor

LORA_MARKERS = ("lora_A", "lora_B", "lora_down", "lora_up", "lora_unet", "lycoris_", ".hada_w", ".lokr_w", ".oft_")
LORA_SUFFIXES = (".diff", ".diff_b", ".dora_scale")
MODEL_OF_WIDTH = {1536: "Wan 1.3B", 3072: "Wan 2.2 5B", 5120: "Wan 14B"}
# Key prefixes that only the named model has.
KEY_MARKERS = {
    "vace_": "a Wan VACE model",
    "img_emb.": "a Wan image-to-video model",
    "condition_embedder.image_embedder.": "a Wan image-to-video model in the diffusers layout",
    "control_adapter.": "a Wan camera-control model",
    "ref_conv.": "a Wan control model",
    "double_blocks.": "a Flux or Hunyuan transformer",
    "input_blocks.": "a Stable Diffusion UNet",
    "down_blocks.": "a Stable Diffusion UNet in the diffusers layout",
    "transformer_blocks.": "another model's transformer",
    "token_embedding.": "Wan's text encoder",
    "encoder.block.": "a T5 text encoder",
    "shared.": "a T5 text encoder",
    "visual.": "a CLIP image encoder",
    "encoder.downsamples.": "Wan's own autoencoder, not TAEHV",
    "encoder.down_blocks.": "an autoencoder in the diffusers layout, not TAEHV",
    "patch_embedding.": "a Wan transformer",
    "decoder.1.": "a TAEHV autoencoder",
}
FLAT_PARAMETER = "_flat_param"


def is_lora(names: Iterable[str]) -> bool:
    """Whether the keys are those of a LoRA rather than of weights."""
    return any(name.endswith(LORA_SUFFIXES) or any(mark in name for mark in LORA_MARKERS) for name in names)


def identify_other_model(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """The model that the state dict belongs to; None if unknown or if it is the model with `own` keys and shapes."""
    if is_lora(state):
        return "a LoRA, not a checkpoint: list it under weights.loras"
    if any(FLAT_PARAMETER in name for name in state):
        return "a sharded FSDP state with flat parameters: save it again with a full state dict"
    if any(".k_img." in name or ".add_k_proj." in name for name in state):
        return "a Wan image-to-video model"
    for mark, kind in KEY_MARKERS.items():
        if any(name.startswith(mark) for name in state) and not any(name.startswith(mark) for name in own):
            return kind
    return _identify_other_wan(state, own)


def _identify_other_wan(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """A Wan transformer of another size or task, by its patch embedding."""
    name = "patch_embedding.weight"
    if name not in state or name not in own or state[name].dim() != 5:
        return None
    width, channels, *_ = state[name].shape
    own_width, own_channels, *_ = own[name].shape
    if width != own_width:
        return f"{MODEL_OF_WIDTH.get(width, 'a Wan transformer')} (width {width}, {_layer_count(state)} layers)"
    if channels != own_channels:
        return f"a Wan transformer of {channels} input channels, as image-to-video and control models have"
    if _layer_count(state) != _layer_count(own):
        return f"a Wan transformer of {_layer_count(state)} layers"
    return None


def _layer_count(state: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("blocks.")})
