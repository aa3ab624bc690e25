"""`lipar serve`: the live server and its page."""

import argparse
from pathlib import Path

from lipar_cli.model_options import DTYPE_HELP, SIZE_HELP, TEXT_DTYPE_HELP, TEXT_DTYPES

FLAGS = (
    "host", "port", "preset", "size", "device", "devices", "dtype", "text_dtype", "threads", "token",
    "no_auth", "allowed_hosts", "base_path", "tls_cert", "tls_key", "insecure", "max_sessions", "ice_servers",
    "ice_username", "ice_credential", "turn_secret", "turn_ttl_s", "udp_ports", "public_ip",
    "start_bitrate", "min_bitrate", "max_bitrate", "camera_start_bitrate",
)  # fmt: skip


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="serve the live page and its REST API",
        description="Serve the live page. Every flag is also an environment variable, LIPAR_PORT for --port and so on.",
    )
    _add_access_flags(parser)
    _add_model_flags(parser)
    _add_media_flags(parser)
    parser.set_defaults(run=run)


def _add_access_flags(parser: argparse.ArgumentParser) -> None:
    """Address, permissions and TLS."""
    parser.add_argument("--host", help="address to bind (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="default: 8000")
    parser.add_argument("--token", help="admin token, required on any address but loopback; prefer LIPAR_TOKEN")
    parser.add_argument("--no-auth", action="store_true", default=None, help="require no token, on any address")
    parser.add_argument("--allowed-hosts", nargs="+", help="host names accepted from a reverse proxy")
    parser.add_argument("--base-path", help="path prefix of a reverse proxy that does not strip it")
    parser.add_argument("--tls-cert", type=Path, help="PEM file; browsers allow the camera on secure pages only")
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument(
        "--self-signed",
        action="store_true",
        help="make a certificate, serve the local network (--host 0.0.0.0 unless given), print address and QR code",
    )
    parser.add_argument("--insecure", action="store_true", default=None, help="serve other machines without TLS")


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    """The model and its devices."""
    parser.add_argument("--preset", help="auto, a bundled preset, or a YAML file (default: auto)")
    parser.add_argument(
        "--size", help=f"{SIZE_HELP} (default: the largest that a two-second measurement finds fast enough)"
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: the preset's)")
    parser.add_argument(
        "--devices", type=comma_separated, metavar="DEVICE,...", help="a model process on each, e.g. cuda:0,cuda:1"
    )
    parser.add_argument("--dtype", help=DTYPE_HELP)
    parser.add_argument("--text-dtype", choices=TEXT_DTYPES, help=TEXT_DTYPE_HELP)
    parser.add_argument(
        "--threads", type=int, help="of each model process (default: all cores, or with --devices cpu,cpu a share)"
    )
    parser.add_argument("--max-sessions", type=int, help="live sessions, on all devices together (default: 2)")


def _add_media_flags(parser: argparse.ArgumentParser) -> None:
    """Connections and bitrates."""
    parser.add_argument("--ice-servers", nargs="+", help="stun: or turn: URLs (default: none)")
    parser.add_argument("--ice-username")
    parser.add_argument("--ice-credential")
    parser.add_argument("--turn-secret", help="shared with the TURN server; prefer LIPAR_TURN_SECRET")
    parser.add_argument("--turn-ttl-s", type=int, help="lifetime of credentials made from it (default: 3600)")
    parser.add_argument("--udp-ports", metavar="FIRST-LAST", help="ports for media (default: any)")
    parser.add_argument("--public-ip", help="public IPv4 address of this server behind 1:1 NAT")
    for name, what in (("start", "at first"), ("min", "at least"), ("max", "at most")):
        parser.add_argument(f"--{name}-bitrate", type=int, help=f"bit/s of the edited video {what}")
    parser.add_argument("--camera-start-bitrate", type=int, help="start bitrate of the browser's camera video, bit/s")


def comma_separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def run(args: argparse.Namespace) -> int:
    import msgspec

    from lipar_cli.live_size import choose_size
    from lipar_cli.presets import resolve
    from lipar_core.presets import load_preset, with_text_dtype
    from lipar_core.sizes import with_size
    from server.devices import device_shares
    from server.run import serve
    from server.settings_sources import load_settings

    flags = {name: getattr(args, name) for name in FLAGS}
    flags = {name: tuple(value) if isinstance(value, list) else value for name, value in flags.items()}
    if args.self_signed:
        from lipar_cli.self_signed import certificate_flags, print_instructions

        flags |= certificate_flags(args.host, args.tls_cert, args.tls_key)
    settings = load_settings(flags)
    name = resolve(settings.preset)
    preset = with_size(load_preset(name), settings.size)  # an unknown preset fails here, before the page is served
    with_text_dtype(preset, settings.text_dtype)  # so does a text encoder without that dtype
    first = device_shares(settings, preset.device)[0]  # the size is the same on all
    size = settings.size or choose_size(preset, name, first.device, settings.dtype, first.threads)
    settings = msgspec.structs.replace(settings, preset=name, size=size)
    if args.self_signed:
        print_instructions(settings.host, settings.port)
    serve(settings)
    return 0
