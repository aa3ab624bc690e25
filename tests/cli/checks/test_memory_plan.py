"""The memory plan counts what the classes really hold."""

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from transformers import UMT5Config, UMT5EncoderModel

from lipar_cli.checks.memory import available_memory, check_gpu_memory, gpu_plan, host_plan, judge_memory
from lipar_cli.checks.result import CheckStatus
from lipar_core.errors import LiparError
from lipar_core.kinds.text import HashedConfig, PrecomputedConfig, UMT5Size
from lipar_core.memory_plan import MemoryPlan, codec_state_bytes, held_bytes, stream_plan
from lipar_core.memory_plan import check_gpu_memory as refuse_gpu
from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_core.models.precision import uniform
from lipar_core.models.taehv import CodecState
from lipar_core.presets import load_preset, with_text_dtype
from lipar_core.session import EditSession
from tests.cli.checks.targets import target
from tests.tiny import tiny_models

GIB = 2**30


def test_the_plan_is_what_a_session_holds():
    models = tiny_models()
    session: EditSession[int] = EditSession(models)
    buffers = session.passes.buffers, session.passes.tokens, session.passes.noise
    held = held_bytes(session.passes.cache), sum(map(held_bytes, buffers))
    frames = torch.rand(12, 3, models.preset.stream.height, models.preset.stream.width)
    session.push(frames, range(12))
    plan = stream_plan(models.preset, 2, uniform(torch.float32), on_gpu=False)
    state = session.state
    assert plan.shared["transformer"] == sum(value.nbytes for value in models.dit.state_dict().values())
    assert plan.shared["codec"] == sum(value.nbytes for value in models.codec.state_dict().values())
    cache, passes = state.cache, state.passes
    stored = cache.k_rows, cache.v_rows, cache.sink_k, cache.last_k, cache.last_v
    assert 1 <= plan.per_session["KV cache"] / sum(value.nbytes for value in stored) < 1.2  # rotary factors, rows
    assert (plan.per_session["KV cache"], plan.per_session["buffers"]) == held
    assert plan.per_session["buffers"] > 5 * sum(value.nbytes for value in passes.noise.steps)
    assert plan.per_session["text keys and values"] == sum(v.nbytes for pair in passes.text.value for v in pair)
    assert codec_state_bytes(models.codec, models.preset, torch.float32) == past(state.encoder) + past(state.decoder)
    assert plan.total == sum(plan.shared.values()) + 2 * sum(plan.per_session.values())


def past(state: CodecState) -> int:
    return sum(value.nbytes for value in state.past)


def test_a_umt5_encoder_has_the_parameters_of_its_sizes():
    config = UMT5Config(vocab_size=50, d_model=16, d_kv=4, num_heads=3, d_ff=24, num_layers=2)
    config.relative_attention_num_buckets = 8
    model = UMT5EncoderModel(config)
    size = UMT5Size(vocabulary=50, width=16, feed_forward=24, layers=2, heads=3, head_dim=4, buckets=8)
    assert size.parameters == sum(value.numel() for value in model.parameters())


@pytest.mark.parametrize(
    ("dtype", "vram_gb", "where", "bytes_each"),
    [
        ("bfloat16", 16, "host", 2),
        ("bfloat16", 22.5, "host", 2),
        ("bfloat16", 24, "gpu", 2),
        ("int8", 16, "host", 1),
        ("int8", 20, "gpu", 1),
    ],
)
def test_the_text_encoder_is_counted_where_it_sits(dtype, vram_gb, where, bytes_each):
    asked = target(with_text_dtype(load_preset("wan-1.3b"), dtype), vram_gb)
    plans = {"gpu": gpu_plan(asked, int(vram_gb * GIB)), "host": host_plan(asked, int(vram_gb * GIB))}
    assert [name for name, plan in plans.items() if plan.shared.get("text encoder")] == [where]
    assert plans[where].shared["text encoder"] == UMT5Size().parameters * bytes_each


def test_the_hashed_encoder_has_the_bytes_of_its_configuration():
    config = HashedConfig(buckets=50, dim=16)
    transformer = tiny_models().preset.transformer
    encoder = HashedTextEncoder(config, transformer.text_length, transformer.text_dim)
    held = sum(value.nbytes for value in encoder.state_dict().values())
    assert config.memory_bytes(Path("missing"), transformer) == held


def test_precomputed_prompts_need_no_text_encoder():
    preset = replace(load_preset("wan-1.3b"), text=PrecomputedConfig())
    assert gpu_plan(target(preset), 80 * GIB).shared["text encoder"] == 0


@pytest.mark.parametrize(
    ("available", "status", "fitting"),
    [
        (100, CheckStatus.OK, 2),
        (75, CheckStatus.WARN, 1),
        (70, CheckStatus.WARN, 1),
        (69, CheckStatus.FAIL, 1),
        (20, CheckStatus.FAIL, 0),
    ],
)
def test_the_plan_is_compared_with_the_memory(available, status, fitting):
    plan = MemoryPlan(shared={"transformer": 30 * GIB}, per_session={"KV cache": 20 * GIB}, sessions=2)
    result = judge_memory(plan, available * GIB, "close other programs")
    assert result.status is status
    assert "= 70.0 of" in result.detail
    assert result.detail.split("%")[1].startswith(f": {fitting}")
    assert "not counted: libraries" in result.detail


def test_loading_is_refused_with_the_plan_and_remedies(monkeypatch):
    preset = load_preset("wan-1.3b")
    monkeypatch.setattr("lipar_core.models.devices.select_device", lambda _: torch.device("cuda:1"))
    for free, total in ((5, 16), (12, 24)):
        monkeypatch.setattr("torch.cuda.mem_get_info", lambda _, free=free, total=total: (free * GIB, total * GIB))
        with pytest.raises(
            LiparError, match=rf"preset wan-1.3b on cuda:1 does not fit .* of {free}.00 GiB free; end"
        ) as e:
            refuse_gpu(preset)
        assert ("text encoder" in str(e.value)) is (total == 24)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (20 * GIB, 24 * GIB))
    refuse_gpu(preset)


def test_a_gpu_that_is_not_there_can_be_planned_for():
    assert check_gpu_memory(target("wan-1.3b", 16.0)).status is CheckStatus.OK
    too_small = check_gpu_memory(target("wan-1.3b", 8.0))
    assert (too_small.status, "LIPAR_MAX_SESSIONS" in too_small.remedy) == (CheckStatus.FAIL, True)


def test_the_remedy_names_the_8_bit_encoder_unless_it_is_used():
    assert "--text-dtype int8" in check_gpu_memory(target("wan-1.3b", 8.0)).remedy
    int8 = with_text_dtype(load_preset("wan-1.3b"), "int8")
    assert "--text-dtype" not in check_gpu_memory(target(int8, 8.0)).remedy


def test_the_memory_of_this_machine_is_read():
    assert GIB // 4 < available_memory() < 2**50
