"""All checks by name, in the order in which they are reported."""

from collections.abc import Callable

from lipar_cli.checks.clock import check_clock
from lipar_cli.checks.gpu import check_gpu, check_nvenc
from lipar_cli.checks.graphs import check_graphs
from lipar_cli.checks.ice import check_turn_login, check_udp_reachability
from lipar_cli.checks.kernels import check_kernels
from lipar_cli.checks.memory import check_gpu_memory, check_memory
from lipar_cli.checks.ports import check_tcp_port, check_udp_ports
from lipar_cli.checks.preset import check_preset
from lipar_cli.checks.result import Result, fail
from lipar_cli.checks.self_test import check_attention, check_bundled_model
from lipar_cli.checks.software import check_aiortc, check_codecs, check_python, check_torch
from lipar_cli.checks.storage import check_disk, check_shared_memory
from lipar_cli.checks.target import Target
from lipar_cli.checks.tls import check_certificate, check_secure_context
from lipar_cli.checks.weights import check_weights
from lipar_core.errors import LiparError, one_line

Check = Callable[[Target], Result]

CHECKS: dict[str, Check] = {
    "python": check_python,
    "torch": check_torch,
    "codecs": check_codecs,
    "aiortc": check_aiortc,
    "gpu": check_gpu,
    "preset": check_preset,
    "kernels": check_kernels,
    "attention": check_attention,
    "graphs": check_graphs,
    "bundled model": check_bundled_model,
    "video encoder": check_nvenc,
    "weights": check_weights,
    "gpu memory": check_gpu_memory,
    "memory": check_memory,
    "disk": check_disk,
    "shared memory": check_shared_memory,
    "tcp port": check_tcp_port,
    "udp ports": check_udp_ports,
    "udp reachability": check_udp_reachability,
    "turn login": check_turn_login,
    "secure context": check_secure_context,
    "certificate": check_certificate,
    "clock": check_clock,
}


def perform(check: Check, target: Target) -> Result:
    """Run a check; an error of the machine under test, such as a broken library, is its result."""
    try:
        return check(target)
    except (LiparError, ImportError, OSError, RuntimeError) as error:
        message = one_line(error) or type(error).__name__
        return fail(f"could not be checked: {message}", "repair what the message names, then run `lipar doctor` again")
