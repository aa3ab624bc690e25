"""The bundled weights as separate files, through the imports that scripts outside this repository use."""

import yaml
from safetensors.torch import save_file

from lipar_core.checkpoints.checkpoint_file import read_tensors
from lipar_core.config import load_preset
from lipar_core.models import load_models
from lipar_core.preset_files import presets_folder
from lipar_core.weight_files import locate
from tests.core.checkpoints.wan_checkpoints import assert_same

PARTS = {"transformer": ("model.",), "codec": ("encoder.", "decoder."), "text": ("text.",)}


def test_each_network_loads_from_a_file_of_its_own(tmp_path):
    bundle = read_tensors(locate("bundled:tiny.safetensors"))
    tree = yaml.safe_load((presets_folder() / "tiny.yaml").read_text(encoding="utf-8"))
    for part, prefixes in PARTS.items():
        path = tmp_path / f"{part}.safetensors"
        save_file({name: value for name, value in bundle.items() if name.startswith(prefixes)}, path)
        tree["weights"][part] = str(path)
    (tmp_path / "split.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    codec = load_models(load_preset(tmp_path / "split.yaml")).codec.state_dict()
    assert_same(
        {"weights": codec["renderer.weights"]}, {"weights": bundle["decoder.renderer.weights"]}, rtol=0.01, atol=0.01
    )
