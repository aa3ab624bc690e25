"""The command line of `lipar` as a subprocess, for tests of signals."""

import sys

START = (  # a shell's background jobs ignore Ctrl-C, and their children inherit that
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from lipar_cli.main import main; sys.exit(main())"
)
LIPAR_COMMAND = [sys.executable, "-c", START]  # and the arguments
