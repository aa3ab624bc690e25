"""`lipar osc`: a bridge from Open Sound Control to a server's REST API, for TouchOSC, Pure Data and lighting desks."""

import argparse
import logging
import os

from lipar_core.errors import LiparError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "osc",
        help="change a live session by OSC messages",
        description="Receive OSC messages by UDP, such as /lipar/prompt TEXT and /lipar/strength 0.1, and change the "
        "live session's parameters. The server's token is read from LIPAR_TOKEN.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=9000, help="UDP port to listen on; 0: any (default: 9000)")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server (default: http://127.0.0.1:8000)")
    parser.add_argument("--session", help="its id (default: the only live session)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        from lipar_cli.osc_bridge.receiver import OscReceiver
    except ModuleNotFoundError as error:
        raise LiparError("lipar osc needs python-osc: pip install 'lipar-live[osc]'") from error
    from lipar_cli.osc_bridge.parameters import OscParameters
    from lipar_cli.osc_bridge.session_client import SessionClient

    logging.basicConfig(format="%(message)s")
    logging.getLogger("lipar_cli").setLevel(logging.INFO)
    if not 0 <= args.port <= 65535:
        raise LiparError(f"--port = {args.port}: must be 0 to 65535")
    with SessionClient(args.url, os.environ.get("LIPAR_TOKEN"), args.session) as client:
        parameters = OscParameters(client.schema())
        try:
            receiver = OscReceiver((args.host, args.port), parameters, client)
        except OSError as error:
            raise LiparError(f"cannot listen on {args.host}, UDP port {args.port}: {error.strerror}") from error
        with receiver:
            host, port = receiver.address
            print(f"listening on {host}, UDP port {port}, for {args.url}", flush=True)
            receiver.run()
    return 0
