import subprocess
import sys
from functools import partial

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save_file

from lipar_core.checkpoints.checkpoint_file import read_tensors
from lipar_core.checkpoints.key_names import select_network
from lipar_core.checkpoints.weights import load_into, transformer_config
from lipar_core.errors import CheckpointError, LiparError
from lipar_core.kinds.text import HashedConfig
from lipar_core.models.devices import select_device
from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_core.models.loading import load_models
from lipar_core.presets import load_preset, with_random_weights
from lipar_core.session import EditSession
from lipar_core.weight_files import missing_weights, missing_weights_remedy
from tests.tiny import moving_square, tiny_models, tiny_preset

MODELS = tiny_models()
PUBLISHED = {f"model.{name}": value for name, value in MODELS.dit.state_dict().items()}


@pytest.mark.parametrize("wrapper", ["generator_ema", "generator", None])
def test_training_checkpoints_load(tmp_path, wrapper):
    path = tmp_path / "weights.pt"
    torch.save({wrapper: PUBLISHED, "step": 3} if wrapper else PUBLISHED, path)
    state = select_network(read_tensors(path), "transformer")
    assert state.keys() == MODELS.dit.state_dict().keys()


def test_averaged_weights_are_preferred(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"generator": {"a": torch.zeros(1)}, "generator_ema": {"a": torch.ones(1)}}, path)
    assert read_tensors(path)["a"] == 1


def test_a_bundle_is_split_by_network(tmp_path):
    text = HashedTextEncoder(MODELS.preset.text, 6, 12)
    path = tmp_path / "bundle.safetensors"
    bundle = PUBLISHED | MODELS.codec.state_dict() | {f"text.{k}": v for k, v in text.state_dict().items()}
    save_file({name: value.clone() for name, value in bundle.items()}, path)
    state = read_tensors(path)
    for module, part in ((MODELS.dit, "transformer"), (MODELS.codec, "codec"), (text, "text")):
        load_into(module, select_network(state, part), "bundle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("head.modulation"), "missing key head.modulation"),
        (lambda state: state.update(extra=torch.zeros(1)), "unexpected key extra"),
        (
            lambda state: state.update({"head.head.bias": torch.zeros(3)}),
            r"head.head.bias has shape \[3\].*needs \[32\]",
        ),
        (lambda state: state.clear(), r"and \d+ more"),
    ],
)
def test_faulty_keys_are_named(change, message):
    state = dict(MODELS.dit.state_dict())
    change(state)
    with pytest.raises(CheckpointError, match=message):
        load_into(MODELS.dit, state, "file")


def test_unreadable_files_are_one_line_errors(tmp_path):
    for name, content in (("a.safetensors", b"junk" * 10), ("b.pt", b"junk"), ("c.pt", b""), ("d.safetensors", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError) as rejection:
            read_tensors(tmp_path / name)
        assert "\n" not in str(rejection.value)
    torch.save([1, 2], tmp_path / "e.pt")
    with pytest.raises(CheckpointError, match="state dict"):
        read_tensors(tmp_path / "e.pt")
    with pytest.raises(CheckpointError, match="no such file"):
        read_tensors(tmp_path / "missing.pt")


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"generator": partial(print, "run by the loader")}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError):
        read_tensors(tmp_path / "evil.pt")


def test_missing_weights_are_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    wan = load_preset("wan-1.3b")
    assert len(missing_weights(wan)) == 3
    with pytest.raises(CheckpointError, match=r"self_forcing_dmd\.pt is missing.* - `lipar download wan-1\.3b` gets"):
        load_models(wan, device="cpu")
    own = replace(wan, name="mine")  # not a name that `lipar download` knows
    assert missing_weights_remedy(own) == "`lipar download wan-1.3b` gets them"
    own = replace(
        own, weights=replace(wan.weights, transformer="/tuned.pt", codec="a.pth", text="bundled:tiny_words.txt")
    )
    assert missing_weights_remedy(replace(own, text=HashedConfig())).startswith("put the files there")


def test_a_cuda_device_with_a_number_becomes_the_current_one(monkeypatch):
    current = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.set_device", current.append)
    for name in ("cuda", "cuda:1", "cpu"):
        assert select_device(name) == torch.device(name)
    assert current == [torch.device("cuda:1")]
    with pytest.raises(LiparError, match="device = 'cuda:2': this machine has 2 CUDA devices, cuda:0 to cuda:1"):
        select_device("cuda:2")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_an_unavailable_device_is_rejected():
    with pytest.raises(LiparError, match="no usable CUDA device"):
        load_models(tiny_preset(), device="cuda")


def test_wan_config_names_are_translated():
    config = transformer_config({"dim": 64, "num_heads": 2, "num_layers": 2, "in_dim": 16, "patch_size": [1, 2, 2]})
    assert (config.heads, config.layers, config.patch) == (2, 2, 2)
    with pytest.raises(CheckpointError, match="patch_size"):
        transformer_config({"patch_size": [2, 2, 2]})


def test_loading_imports_no_sympy():
    """SymPy takes seconds to import, and PyTorch imports it when networks are built without `MetaDevice`."""
    code = (
        "import sys; from lipar_core.presets import load_preset; from lipar_core.models.loading import load_models;"
        "load_models(load_preset('tiny'), 'cpu'); sys.exit('sympy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_random_weights_need_no_files_and_give_a_picture():
    """The same in every process, in each dtype, without values that grow from layer to layer."""
    preset = with_random_weights(tiny_preset())
    assert missing_weights(preset) == []
    for dtype in ("float32", "float16"):
        models, again = (load_models(preset, dtype=dtype) for _ in range(2))
        for name, value in models.dit.state_dict().items():
            assert torch.equal(value, again.dit.state_dict()[name])
        frames = EditSession[int](models).push(moving_square(24), range(24)).frames
        assert frames.isfinite().all()
        assert 0.02 < float(frames.std()) < 0.6
