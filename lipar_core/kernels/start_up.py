"""At start-up: compiles and checks every kernel on the device, and replaces those that fail by their references."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lipar_core.errors import ConfigError
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.operations import OPERATIONS
from lipar_core.kernels.self_test import differences, failure_text
from lipar_core.kernels.shapes import Shapes
from lipar_core.kernels.triton_import import HAS_TRITON
from lipar_core.load_progress import report_load_progress

log = logging.getLogger(__name__)

VARIABLE = "LIPAR_KERNELS"
MODES = ("auto", "reference")
NOT_INSTALLED = "Triton is not installed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the self-test found of one operation's kernel."""

    name: str
    problem: str  # empty: the kernel is used
    seconds: float  # compilation included, unless Triton's cache had it


def kernels_mode() -> str:
    """One of `MODES`. Raises `ConfigError`."""
    mode = os.environ.get(VARIABLE) or "auto"
    if mode not in MODES:
        raise ConfigError(f"{VARIABLE} = {mode!r}: must be {' or '.join(MODES)}")
    return mode


def reason_for_references(device: torch.device) -> str:
    """Why no kernel is used on this device; empty if they are to be checked. Raises `ConfigError`."""
    if kernels_mode() == "reference":
        return f"turned off by {VARIABLE}=reference"
    if device.type != "cuda":
        return "they run on a GPU only"
    return "" if HAS_TRITON else NOT_INSTALLED


def verify_kernels(shapes: Shapes) -> list[Verdict]:
    """Check all kernels at a model's sizes; those that are equal to their references are used from now on."""
    reason = reason_for_references(shapes.device)
    if reason:
        if shapes.device.type == "cuda":
            log.warning("no kernels, references run instead: %s", reason)
        for operation in OPERATIONS:
            operation.verified_on = None
        return []
    return verify_each(OPERATIONS, shapes)


@torch.inference_mode()
def verify_each(operations: Sequence[Operation[Any, Any]], shapes: Shapes) -> list[Verdict]:
    """Check each operation's kernel and set whether it is used; progress and failures are logged."""
    verdicts = []
    for number, operation in enumerate(operations, 1):
        report_load_progress(f"compiling and checking kernel {number} of {len(operations)}")
        verdict = _verdict(operation, shapes)
        operation.verified_on = None if verdict.problem else shapes.device.type
        log.info("kernel %d of %d, %s: %.1f s", number, len(operations), verdict.name, verdict.seconds)
        if verdict.problem:
            log.warning("kernel %s is not used, its reference runs instead: %s", verdict.name, verdict.problem)
        verdicts.append(verdict)
    return verdicts


def _verdict(operation: Operation[Any, Any], shapes: Shapes) -> Verdict:
    started = time.perf_counter()
    try:
        problem = next(differences(operation, shapes), "")
    except torch.AcceleratorError:
        raise  # the device is lost: only a new process can use it again
    except Exception as error:  # whatever a compiler or a driver reports: the reference needs neither
        problem = failure_text(error)
    return Verdict(operation.name, problem, time.perf_counter() - started)
