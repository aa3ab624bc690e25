from dataclasses import replace

import pytest
import torch

from lipar_core.errors import ConfigError
from lipar_core.kinds.registry import CODECS
from lipar_core.models.loading import Models
from lipar_core.models.precision import (
    OPERATIONS,
    Precision,
    choose_precision,
    fastest_precision,
    measure_operations,
    parse_precision,
    planned_precision,
    uniform,
)
from lipar_core.presets import load_preset
from lipar_core.session import EditSession
from tests.tiny import moving_square, tiny_models

CPU, FLOAT, HALF = torch.device("cpu"), torch.float32, torch.bfloat16
AVX512_BF16 = {"linear": 0.2, "convolution": 0.25, "attention": 1.06}  # bfloat16's seconds over float32's
AVX2 = {"linear": 7.0, "convolution": 30.0, "attention": 4.0}


def seconds(ratios):
    return {(kind, FLOAT): 1.0 for kind in ratios} | {(kind, HALF): ratio for kind, ratio in ratios.items()}


def test_each_kind_of_operation_is_decided_by_itself():
    assert fastest_precision(seconds(AVX512_BF16)) == Precision(HALF, HALF, FLOAT)
    assert fastest_precision(seconds(AVX2)) == uniform(FLOAT)
    assert fastest_precision(seconds({**AVX2, "attention": 0.3})) == Precision(FLOAT, FLOAT, HALF)


def test_a_gain_within_noise_is_ignored():
    assert fastest_precision(seconds(dict.fromkeys(OPERATIONS, 0.8))) == uniform(FLOAT)


def test_all_operations_are_measured_once():
    operation_seconds = measure_operations()
    assert set(operation_seconds) == {(kind, dtype) for kind in OPERATIONS for dtype in (FLOAT, HALF)}
    assert min(operation_seconds.values()) > 0
    assert measure_operations() is operation_seconds
    assert choose_precision("auto", CPU) == fastest_precision(operation_seconds)


def test_a_precision_round_trips_through_its_string():
    for precision in (uniform(FLOAT), uniform(HALF), Precision(HALF, HALF, FLOAT), Precision(FLOAT, HALF, FLOAT)):
        assert parse_precision(str(precision)) == choose_precision(str(precision), CPU) == precision
    assert str(uniform(HALF)) == "bfloat16"


@pytest.mark.parametrize("text", ["float8", "", "linear:bfloat16", "linear:auto,convolution:float32,attention:float32"])
def test_an_unknown_dtype_is_rejected_with_the_known_ones(text):
    with pytest.raises(ConfigError, match=r"must be auto, float32, bfloat16, float16, or linear:DTYPE"):
        choose_precision(text, CPU)


@pytest.mark.parametrize(("capability", "transformer"), [((7, 5), torch.float16), ((8, 9), HALF), ((9, 0), HALF)])
def test_a_gpu_s_precision_follows_from_its_generation(monkeypatch, capability, transformer):
    """A plan for a GPU that is not there counts as many bytes."""
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: capability)
    expected = Precision(transformer, torch.float16, transformer)
    dtype = load_preset("wan-1.3b").dtype
    assert choose_precision(dtype, torch.device("cuda")) == expected
    planned = planned_precision(dtype, on_gpu=True)
    assert [kind.itemsize for kind in (planned.linear, planned.convolution, planned.attention)] == [2, 2, 2]


def test_the_bundled_codec_rounds_less_in_float16_than_in_bfloat16():
    frames = torch.rand(1, 4, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    decoded = {}
    for dtype in (FLOAT, torch.float16, HALF):
        precision = Precision(FLOAT, dtype, FLOAT)
        preset = load_preset("tiny")
        codec = CODECS.loader(preset.codec)(preset.codec, preset, CPU, precision)
        with torch.inference_mode():
            latents, _ = codec.encode(frames.to(dtype))
            decoded[dtype] = codec.decode(latents)[0].float()
    error = {dtype: float((decoded[dtype] - decoded[FLOAT]).norm()) for dtype in (torch.float16, HALF)}
    assert error[torch.float16] < error[HALF] / 4


def in_precision(models: Models, precision: Precision) -> Models:
    """The same weights in other dtypes."""
    again = tiny_models(models.preset)
    again.codec.to(precision.convolution)
    again.dit.to(precision.linear)
    return replace(again, precision=precision)


@pytest.mark.parametrize("linear", [FLOAT, HALF])
@pytest.mark.parametrize("convolution", [FLOAT, HALF])
@pytest.mark.parametrize("attention", [FLOAT, HALF])
def test_a_stream_is_nearly_the_same_in_any_mixed_precision(linear, convolution, attention):
    models = tiny_models()
    clip = moving_square(48)
    whole, mixed = (
        EditSession(one).push(clip, range(48))
        for one in (models, in_precision(models, Precision(linear, convolution, attention)))
    )
    assert mixed.frames.dtype == FLOAT
    difference = (mixed.frames - whole.frames).abs().mean()
    assert difference < 0.02
    assert (difference == 0) == (linear == convolution == attention == FLOAT)
