"""What `lipar bench` measures beside forced ratios: gates that fail, clips, paced streams, sessions, charts."""

import base64
import dataclasses
import re

import pytest
import torch
from torch import Tensor

from lipar_core.kernels.side_stream import SideStream
from lipar_core.models.reuse_pool import ReusePool
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval import moving_cache
from lipar_eval.bench_clips import KINDS, bench_clip
from lipar_eval.bench_sections import failures, sections
from lipar_eval.engine_arms import ArmParts, engine_arms
from lipar_eval.gate import Gate, stream_gate
from lipar_eval.paced_stream import Clock, PacedStream, paced_stream
from lipar_eval.paper_pairing import paper_pairing
from lipar_eval.session_scaling import session_scaling
from lipar_eval.svg_charts import bar_chart, line_chart
from lipar_eval.throughput import forced_ratios
from tests.core.kernels.recorded_streams import RecordedStreams
from tests.tiny import moving_square, rendering_preset, tiny_models

MODELS = tiny_models()
STREAM = MODELS.preset.stream
WRONG = Gate(0.5, 1e-4)


def blocks(count: int = 3) -> list[Tensor]:
    return list(moving_square(count * STREAM.frames_per_block, MODELS.preset).split(STREAM.frames_per_block))


def test_the_gate_of_a_detector_s_own_masks_sees_a_wrong_cache(monkeypatch):
    parameters = default_parameters(MODELS.preset)
    right = stream_gate(MODELS, parameters, blocks())
    assert right is not None
    assert right.passed
    monkeypatch.setattr(moving_cache, "rotated", lambda x, _: x)
    wrong = stream_gate(MODELS, parameters, blocks())
    assert wrong is not None
    assert not wrong.passed
    assert not Gate(float("nan"), 1.0).passed


def test_a_wrong_variant_has_no_times(monkeypatch):
    monkeypatch.setattr(moving_cache, "rotated", lambda x, _: x)
    variants = forced_ratios(MODELS, [1.0, 0.5], 2)
    rows = [variant.to_json() for variant in variants]
    assert all(row.keys() == {"variant", "kept", "gate"} for row in rows)
    results = {"forced": rows, "counters": {"keep 1.00": {"operations": 1}}}
    assert failures(results) == ["forced: keep 1.00", "forced: keep 0.50"]
    assert sections(results)[0].rows[0]["gate"].startswith("FAIL")  # type: ignore[attr-defined]


def test_each_replaced_part_runs_and_the_engine_s_own_is_back_afterwards():
    session: EditSession[int] = EditSession(MODELS)
    before = MODELS.codec.layers, session.passes.graphs  # type: ignore[attr-defined]
    for arm in engine_arms(MODELS):
        with ArmParts(arm, MODELS, session).running():
            assert session.passes.graphs is not before[1]
            assert ("fill_cache" in vars(MODELS.dit)) is not arm.short_clean_pass
    assert before == (MODELS.codec.layers, session.passes.graphs)  # type: ignore[attr-defined]
    assert "fill_cache" not in vars(MODELS.dit)


def test_arms_without_side_stream_buckets_and_renderer():
    streams = RecordedStreams()
    models = dataclasses.replace(tiny_models(rendering_preset()), side=SideStream(streams))
    arms = {arm.name: arm for arm in engine_arms(models)}
    arms["no side stream"] = dataclasses.replace(arms["engine"], side_stream=False)
    session: EditSession[int] = EditSession(models)

    def running_parts() -> tuple[bool, bool, bool]:
        renderer = models.codec.renderer  # type: ignore[attr-defined]
        return models.side.streams is streams, session.state.buckets == session.buckets != (), renderer is not None

    for name, parts in (("no side stream", (0, 1, 1)), ("no buckets", (1, 0, 1)), ("no renderer", (1, 1, 0))):
        with ArmParts(arms[name], models, session).running():
            assert running_parts() == parts
    assert running_parts() == (True, True, True)


@pytest.mark.parametrize("kind", KINDS)
def test_synthetic_clips_move_as_their_name_says(kind):
    clip = bench_clip(kind, STREAM).float()
    assert clip.shape == (8 * STREAM.frames_per_block, 3, STREAM.height, STREAM.width)
    changed = ((clip[1:] - clip[:-1]).abs() > 12).float().mean(dim=(1, 2, 3))  # ratio of values, frame by frame
    low, high, cuts = {"static": (0, 0.01, 0), "person": (0, 0.2, 0), "pan": (0.15, 1, 85), "cut": (0, 1, 3)}[kind]
    assert low <= changed.min() <= changed.max() <= high
    assert int((changed > 0.2).sum()) == cuts
    assert (changed.max() > 0.01) is not (kind == "static")


def test_the_paper_s_pairing_has_the_window_s_part_beside_it():
    arms = paper_pairing(MODELS, [0.5], 1)
    assert [arm.name for arm in arms] == [
        "off, window grows, 1 + 20 latent frames",
        "off, 1 + 6 latent frames",
        "on, keep 0.50, 1 + 6 latent frames",
    ]
    assert [arm.blocks for arm in arms] == [7, 7, 7]  # 21 latent frames
    assert all(arm.block.passed and len(arm.times_ms) == 1 for arm in arms)
    caches = [arm.block.session.passes.cache for arm in arms]
    assert [cache.sink + cache.window for cache in caches] == [21, 7, 7]
    arms[0].block.gate = WRONG
    assert arms[0].to_json().keys() == {"arm", "gate"}


def test_sessions_that_take_turns_do_not_disturb_each_other(monkeypatch):
    (two,) = session_scaling(MODELS, [2], 0.5, 2)
    row = two.to_json()
    assert row["gate"] == {"error": 0.0, "limit": 1e-4, "passed": True}
    assert row["fps_all"] == pytest.approx(2 * row["fps_each"])  # type: ignore[operator]
    passes = EditSession(MODELS).passes
    monkeypatch.setattr(EditSession, "_build_passes", lambda _: passes)  # one cache for both
    (mixed,) = session_scaling(dataclasses.replace(MODELS, pool=ReusePool()), [2], 0.5, 2)
    assert mixed.to_json().keys() == {"sessions", "gate", "memory_gb"}


class ManualClock:
    """Time advances when it is told to."""

    time = 0.0

    def advance(self, seconds: float) -> None:
        self.time += seconds


@pytest.mark.parametrize(("model_s", "edited", "dropped", "missed"), [(0.1, 8, 0, 0), (0.9, 8, 0, 8), (1.6, 6, 2, 8)])
def test_a_paced_stream_counts_what_came_too_late(monkeypatch, model_s, edited, dropped, missed):
    clock = ManualClock()
    push = EditSession.push

    def slow_push(session, frames, pts):
        clock.advance(model_s)
        return push(session, frames, pts)

    monkeypatch.setattr(EditSession, "push", slow_push)
    clip = (torch.cat(blocks()) * 255).byte()
    seconds = 8 * STREAM.frames_per_block / 16
    result = paced_stream(MODELS, clip, 16, seconds, Clock(lambda: clock.time, clock.advance))
    assert result.gate is not None
    assert result.gate.passed
    assert (result.edited, result.dropped, result.missed) == (edited, dropped, missed)
    assert result.edited + result.dropped == 8
    assert result.latency_ms[0] == pytest.approx(1000 * model_s)
    assert result.to_json()["memory_mb_per_minute"] is None


def test_a_stream_s_memory_slope_is_per_minute():
    result = PacedStream(16, 4, None, seconds=[float(i) for i in range(40)], memory=[1_000_000 * i for i in range(40)])
    assert result.memory_slope() == pytest.approx(60)


def test_charts_are_svg_with_all_names_and_no_address():
    url = line_chart({"a <b>": [(0, 1), (2, 30)], "empty": []}, "x", "y")
    text = base64.b64decode(url.removeprefix("data:image/svg+xml;base64,")).decode()
    assert re.findall(r">([^<]+)</text>", text)[:4] == ["0", "0.5", "1", "1.5"]
    assert "a &lt;b&gt;" in text
    assert "empty" in text
    bars = base64.b64decode(bar_chart({"one": 0.0, "two": 12.5}, "fps").split(",")[1]).decode()
    assert 'width="220.0"' in bars
    assert "http" not in (text + bars).replace("http://www.w3.org/2000/svg", "")
