import subprocess
import sys
from typing import get_args

import pytest
from msgspec.structs import asdict, replace

from lipar_core.config import AttentionName, StreamSection, resolve_stream
from lipar_core.errors import ConfigError
from lipar_core.kernels.attention_backends import BACKENDS
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.kinds.wan import WanConfig
from lipar_core.preset_files import preset_names, presets_folder
from lipar_core.presets import default_parameters, load_preset

WAN = load_preset("wan-1.3b")


def test_every_bundled_preset_loads():
    assert {"tiny", "wan-1.3b"} <= set(preset_names())
    for name in preset_names():
        assert load_preset(name).name == name


@pytest.mark.parametrize(
    ("name", "changes"), [("wan-1.3b-rtx4090", {"dtype": "float16"}), ("wan-1.3b-hopper", {"attention": "cudnn"})]
)
def test_presets_of_a_card_differ_from_the_large_one_only_in_what_they_name(name, changes):
    preset = load_preset(name)
    assert preset.description != WAN.description
    assert preset == replace(WAN, name=name, description=preset.description, **changes)
    assert asdict(preset)[next(iter(changes))] != asdict(WAN)[next(iter(changes))]


def test_a_file_that_extends_a_preset_says_only_what_differs(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: wan-1.3b-rtx4090\nstream: {window_frames: 6}\nlive_pruning: {threshold: 9}\n")
    mine = load_preset(path)
    assert (mine.name, mine.dtype, mine.stream.window_frames, mine.stream.width) == ("mine", "float16", 6, 832)
    assert (mine.live_pruning.threshold, mine.live_pruning.tau, mine.pruning.threshold) == (9, 0.1, 7)
    path.write_text("extends: [tiny]\n")
    with pytest.raises(ConfigError, match=r"^preset mine.yaml: extends = \['tiny'\]: must be one of tiny, wan-1.3b,"):
        load_preset(path)


def test_a_preset_can_name_every_attention_backend():
    assert set(get_args(AttentionName)) == {"auto", "pytorch", *BACKENDS}


def test_sizes_of_the_large_model_are_derived():
    stream = WAN.stream
    assert (stream.latent_height, stream.latent_width) == (60, 104)
    assert stream.tokens_per_frame == 1560
    assert stream.frames_per_block == 12
    assert WAN.transformer.head_dim == 128


def test_live_sessions_have_their_own_thresholds():
    files = default_parameters(WAN).pruning
    assert (files.detector, files.threshold, files.tau) == ("anchor", 7, 0.149)
    live = default_parameters(WAN, live=True).pruning
    assert (live.detector, live.threshold, live.tau, live.tau2) == ("anchor", 6, 0.1, 0.3)


def test_presets_are_read_without_torch():
    code = "import sys, lipar_core.presets as p; p.load_preset('tiny'); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("width: 832", "width: 830"), "multiple of 16"),
        (("layers: 30", "layers: 0"), "transformer.layers"),
        (("layers: 30", "layres: 30"), "transformer.layres = 30: unknown"),
        (("channels: 16, text_dim", "channels: 8, text_dim"), "transformer.channels = 8: differs from the codec's 16"),
        (("tau: 0.149", "tau: 3"), "pruning.tau"),
        (("device: cuda", "device: tpu"), "'cpu', 'cuda'"),
        (("window_frames: 8", "window_frames: 2"), "block_frames"),
        (("weights:", "wieghts:"), "wieghts"),
        (("stream: {", "stream: ["), "not YAML"),
    ],
)
def test_bad_preset_names_the_key(tmp_path, edit, message):
    source = (presets_folder() / "wan-1.3b.yaml").read_text()
    assert edit[0] in source
    path = tmp_path / "mine.yaml"
    path.write_text(source.replace(*edit))
    with pytest.raises(ConfigError, match=r"^preset .*") as rejection:
        load_preset(path)
    assert message in str(rejection.value)
    assert "\n" not in str(rejection.value)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigError, match="tiny"):
        load_preset("huge")
    with pytest.raises(ConfigError, match="No such file"):
        load_preset("missing.yaml")


def test_impossible_layouts_are_rejected():
    with pytest.raises(ConfigError, match="same frame rate"):
        TAEHVConfig(encoder_time=(2, 2, 2))
    with pytest.raises(ConfigError, match="same stride"):
        TAEHVConfig(encoder_space=(2, 2, 1))
    with pytest.raises(ConfigError, match="even size"):
        WanConfig(dim=100, heads=3)
    with pytest.raises(ConfigError, match="window_frames"):
        resolve_stream(StreamSection(window_frames=1), WAN.codec, WAN.transformer)
