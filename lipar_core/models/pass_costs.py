"""What a transformer pass costs by its number of tokens, from which a GPU's buckets are chosen.

Matrix products and attention are computed in tiles, each by one multiprocessor: their time grows in steps, where
another wave of tiles begins. The steps differ from GPU to GPU, so that they are measured at start-up.
"""

import logging
import math
from collections import Counter
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from lipar_core.kernels.attention import attention
from lipar_core.kernels.self_test import failure_text
from lipar_core.kernels.shapes import Shapes
from lipar_core.load_progress import report_load_progress
from lipar_core.models.device_time import fastest_seconds
from lipar_core.models.fp8_layers import Fp8Linear

log = logging.getLogger(__name__)

TILE = 128  # tokens, and outputs, of a tile

Linears = Counter[tuple[int, int]]  # how many linear layers have these inputs and outputs


def pass_costs(network: object, layers: int, shapes: Shapes) -> dict[int, float]:
    """Measured seconds of a pass on a GPU; empty on a CPU, whose buckets are fixed, so that output is reproducible.

    shapes: at the largest size of the picture. If the measurement fails, the costs are modelled.
    """
    if shapes.device.type != "cuda" or not isinstance(network, nn.Module):
        return {}
    linears = linear_layers(network)
    try:
        return measured_costs(linears, layers, shapes)
    except RuntimeError as error:
        count = torch.cuda.get_device_properties(shapes.device).multi_processor_count
        log.warning("buckets for %d multiprocessors, because the measurement failed: %s", count, failure_text(error))
        return modelled_costs(linears, layers, shapes, count)


def linear_layers(network: nn.Module) -> Linears:
    """Those that work on a prompt or a timestep are counted like those that work on tokens; they are few."""
    modules = (m for m in network.modules() if isinstance(m, (nn.Linear, Fp8Linear)))
    return Counter((m.in_features, m.out_features) for m in modules)


def candidates(shapes: Shapes) -> range:
    """Numbers of tokens that are whole tiles, up to the first that holds a block."""
    return range(TILE, shapes.block_tokens + TILE, TILE)


def modelled_costs(linears: Linears, layers: int, shapes: Shapes, multiprocessors: int) -> dict[int, float]:
    """Multiplications that a multiprocessor does one after the other, the waves of all operations added up."""
    keys = shapes.cached_frames * shapes.tokens

    def waves(tiles: int) -> int:
        return math.ceil(tiles / multiprocessors)

    def cost(rows: int) -> float:
        products = sum(
            count * waves(rows * math.ceil(outputs / TILE)) * TILE**2 * inputs
            for (inputs, outputs), count in linears.items()
        )
        return products + layers * waves(rows * shapes.heads) * 2 * TILE * keys * shapes.head_dim

    return {count: cost(count // TILE) for count in candidates(shapes)}


@torch.inference_mode()
def measured_costs(linears: Linears, layers: int, shapes: Shapes) -> dict[int, float]:
    """Seconds of all linear layers and attentions of a pass."""
    tokens = candidates(shapes)[-1]
    weights = [(shapes.normal(outputs, inputs, dtype=shapes.linear), n) for (inputs, outputs), n in linears.items()]
    x = shapes.normal(tokens, max(inputs for inputs, _ in linears), dtype=shapes.linear)
    head = shapes.heads, shapes.head_dim
    q = shapes.normal(tokens, *head, dtype=shapes.linear)
    kv = shapes.normal(shapes.cached_frames * shapes.tokens, *head, dtype=shapes.attention)
    costs = {}
    for count in candidates(shapes):
        report_load_progress(f"measuring passes of {count} of {tokens} tokens")
        products = [
            (partial(F.linear, x[:count, : weight.shape[1]].contiguous(), weight), times) for weight, times in weights
        ]
        work = [*products, (partial(attention, q[:count], kv, kv), layers)]
        costs[count] = sum(times * fastest_seconds(call, shapes.device) for call, times in work)
    return costs
