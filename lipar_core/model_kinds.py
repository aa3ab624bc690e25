"""What a state dict is that does not fit: said by the shapes and names that other models have."""

from collections.abc import Iterable, Mapping

from torch import Tensor

LORA_MARKS = ("lora_A", "lora_B", "lora_down", "lora_up", "lora_unet", ".hada_w", ".lokr_w", ".diff_b")
WIDTHS = {1536: "Wan 1.3B", 3072: "Wan 2.2 5B", 5120: "Wan 14B"}
# What only the named model has among its keys.
MARKS = {
    "vace_": "a Wan VACE model",
    "img_emb.": "a Wan image-to-video model",
    "condition_embedder.image_embedder.": "a Wan image-to-video model in the diffusers layout",
    "control_adapter.": "a Wan camera-control model",
    "ref_conv.": "a Wan control model",
    "double_blocks.": "a Flux or Hunyuan transformer",
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
FLAT = "_flat_param"


def is_lora(names: Iterable[str]) -> bool:
    """Whether the keys are of low-rank differences rather than of weights."""
    return any(mark in name for name in names for mark in LORA_MARKS)


def other_model(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """What the state is, where that is known and it is not the model with the keys and shapes of `own`."""
    if is_lora(state):
        return "a LoRA, no checkpoint: name it under weights.loras"
    if any(FLAT in name for name in state):
        return "a sharded FSDP state with flat parameters: save it again with a full state dict"
    if any(".k_img." in name or ".add_k_proj." in name for name in state):
        return "a Wan image-to-video model"
    for mark, kind in MARKS.items():
        if any(name.startswith(mark) for name in state) and not any(name.startswith(mark) for name in own):
            return kind
    return _other_wan(state, own)


def _other_wan(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """A Wan transformer of another size or purpose, by its patch embedding."""
    name = "patch_embedding.weight"
    if name not in state or name not in own or state[name].dim() != 5:
        return None
    (width, channels, *_), (own_width, own_channels, *_) = state[name].shape, own[name].shape
    if width != own_width:
        return f"{WIDTHS.get(width, 'a Wan transformer')} (width {width}, {_layers(state)} layers)"
    if channels != own_channels:
        return f"a Wan transformer of {channels} input channels, as image-to-video and control models have"
    if _layers(state) != _layers(own):
        return f"a Wan transformer of {_layers(state)} layers"
    return None


def _layers(state: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("blocks.")})
