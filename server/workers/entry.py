"""Entry point of the model process. The web process imports it too, so that torch is imported only in the call."""

import logging
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from server.model_options import ModelOptions

Entry = Callable[[Connection, ModelOptions], None]  # picklable


def main(pipe: Connection, options: ModelOptions) -> None:
    """Run the model process until the web process stops it or has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the web process decides
    logging.basicConfig(level=logging.INFO, format="%(asctime)s model %(levelname)s %(message)s")
    # idle OpenMP threads must not spin: on a laptop the browser needs the same cores. Torch reads it on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from server.model.loop import run_model_process

    run_model_process(pipe, options)
