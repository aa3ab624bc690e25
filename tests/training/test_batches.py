"""What training batches contain; excerpts of clips."""

import numpy as np
from msgspec.structs import replace

from tests.training.tiny_recipe import STAGE
from training.batches import draw_batch
from training.excerpts import load_excerpts


def test_excerpts_are_read_once(tmp_path, clips):
    sizes = [clips[0], clips[1][:8, :48]]
    for source in ((("a", sizes[0]), ("b", sizes[1])), ()):  # the second call reads no clips
        for excerpt, clip in zip(load_excerpts(source, tmp_path), sizes, strict=True):
            assert np.array_equal(excerpt, clip)


def test_batches_contain_cuts_and_prompt_changes(clips):
    stage = replace(STAGE, frames=1, past=5)
    seen = set()
    for seed in range(40):
        batch = draw_batch(clips, stage, np.random.default_rng(seed))
        frames = batch.past + 1
        assert batch.source.shape == (2, 4 * frames, 3, 48, 64)
        assert batch.target.shape == (2, 4, 3, 48, 64)
        jumps = (batch.source.diff(dim=1).abs().mean(dim=(0, 2, 3, 4)) > 0.1).nonzero().flatten() + 1
        kind = "change" if batch.later_prompts else "cut" if batch.switch else "neither"
        seen.add(kind)
        if kind == "cut":
            assert 4 * batch.switch in jumps
            assert batch.keep is None or batch.keep[batch.switch].all()
        if kind == "change":
            assert 0 < batch.switch < frames
            assert batch.later_prompts.prompts != batch.prompts.prompts
    assert seen == {"cut", "change", "neither"}


def test_pruned_tokens_are_static_in_the_source(clips):
    drawn = (draw_batch(clips, replace(STAGE, past=0, prune=1.0), np.random.default_rng(seed)) for seed in range(9))
    for batch in drawn:
        assert batch.keep.shape == (2, 12)
        assert batch.keep[0].all()
        assert batch.keep[1].sum() > 0
        moves = batch.source[:, 3:].diff(dim=1).abs().amax(dim=(0, 1, 2))  # of the second latent frame
        tokens = moves.view(3, 16, 4, 16).amax(dim=(1, 3)).flatten()
        assert (tokens > 0).equal(batch.keep[1])
