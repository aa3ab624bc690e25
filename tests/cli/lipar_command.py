"""The command line of `lipar` as a subprocess, for tests of signals."""

import sys

START = (  # a shell's background jobs ignore Ctrl-C, those of `nohup` the end of the terminal: children inherit that
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "from lipar_cli.main import main; sys.exit(main())"
)
LIPAR_COMMAND = [sys.executable, "-c", START]  # and the arguments
