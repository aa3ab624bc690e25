"""The server's own settings. `settings_sources.py` reads them from flags and the environment."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from lipar_core.errors import ConfigError
from lipar_core.kinds.text import TextDtype
from lipar_core.parsing import ConfigStruct

MAX_BITRATE = 100_000_000
DAY_S = 86_400
Bitrate = Annotated[int, Meta(ge=1000, le=MAX_BITRATE)]  # bit/s
Timeout = Annotated[float, Meta(gt=0, le=DAY_S)]
Count = Annotated[int, Meta(ge=0, le=1000)]
Text = Annotated[str, Meta(pattern=r"\S", extra={"allowed": "a non-empty text"})]
Token = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._~+/=-]{1,500}\Z",
        extra={"allowed": "1 to 500 letters, digits and - . _ ~ + / = (RFC 6750)", "secret": True},
    ),
]
Dtype = Annotated[
    str,
    Meta(
        pattern=r"^(auto|{0}|linear:{0},convolution:{0},attention:{0})\Z".format("(float32|bfloat16|float16)"),
        extra={"allowed": "auto, float32, bfloat16, float16, or linear:DTYPE,convolution:DTYPE,attention:DTYPE"},
    ),
]
Device = Annotated[str, Meta(pattern=r"^(cpu|cuda(:[0-9]{1,2})?)\Z", extra={"allowed": "cpu, cuda or cuda:N"})]
Secret = Annotated[str, Meta(pattern=r"\S", extra={"allowed": "a non-empty text", "secret": True})]
HostName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._-]+\Z",
        extra={"allowed": "host names or IPv4 addresses, without scheme and port"},
    ),
]
IceUrl = Annotated[str, Meta(pattern=r"^(stuns?|turns?):.", extra={"allowed": "stun:, stuns:, turn: or turns: URLs"})]
BasePath = Annotated[
    str,
    Meta(pattern=r"^(/[A-Za-z0-9._~-]+)+\Z", extra={"allowed": "a path like /studio, without a trailing slash"}),
]


class Settings(ConfigStruct, frozen=True, kw_only=True):
    """Everything that is fixed while the server runs.

    `load_settings` checks each value by its annotation; this class checks their combinations.
    """

    host: Text = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8000
    preset: Text = "auto"  # auto: resolved by `lipar serve`
    size: Text | None = None  # picture size, WIDTHxHEIGHT; None: `lipar serve` measures which is fast enough
    device: Device | None = None  # None: the preset's own
    devices: tuple[Device, ...] = ()  # one model process each; empty: one process, on `device`
    dtype: Dtype | None = None  # None: the preset's own
    text_dtype: TextDtype | None = None  # of the text encoder's weights; None: the preset's own
    threads: Annotated[int, Meta(ge=1, le=1024)] | None = None  # of each model process; None: all cores, or a share
    token: Token | None = None  # admin token: all permissions
    editor_token: Token | None = None  # create sessions, publish, and edit published sessions
    view_token: Token | None = None  # watch every session; each session also has its own view token
    metrics_token: Token | None = None  # read the metrics, nothing else
    no_auth: bool = False  # require no token, on any address
    allowed_hosts: tuple[HostName, ...] = ()  # accepted in `Host`, besides this machine's names
    base_path: BasePath | None = None  # path prefix of a proxy that does not strip it
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False  # serve other addresses than loopback without TLS
    max_sessions: Annotated[int, Meta(ge=1, le=1000)] = 2  # of the server, on all devices together
    ice_servers: tuple[IceUrl, ...] = ()  # for the server and the page
    ice_username: Text | None = None
    ice_credential: Secret | None = None
    turn_secret: Secret | None = None  # shared with the TURN server, for expiring credentials per client
    turn_ttl_s: Annotated[int, Meta(ge=60, le=30 * DAY_S)] = 3600
    udp_ports: Text | None = None  # media ports, for example "40000-40100"; None: the kernel chooses
    public_ip: Text | None = None  # public IPv4 address behind a 1:1 NAT
    start_bitrate: Bitrate = 1_500_000  # of the edited video
    min_bitrate: Bitrate = 250_000
    max_bitrate: Bitrate = 6_000_000
    camera_start_bitrate: Bitrate = 1_500_000  # a browser's initial send rate
    setup_timeout_s: Timeout = 15.0  # from the offer to the first frame
    silence_timeout_s: Timeout = 4.5  # without a frame from the camera and without a ping from its page
    viewer_timeout_s: Timeout = 15.0  # without an RTCP report of a viewer
    max_viewers: Count = 16  # per session, not counting the editor
    grace_s: Annotated[float, Meta(ge=0, le=DAY_S)] = 30.0  # grace period of a parked session
    max_session_s: Annotated[float, Meta(ge=0, le=30 * DAY_S)] = 0.0  # maximum age; 0: no limit
    load_timeout_s: Timeout = 600.0  # of the model
    hang_timeout_s: Timeout | None = None  # heartbeat timeout once loaded; None: ten blocks, at least 5 s
    static: Path = Path(__file__).parent / "static"  # the page's build

    def __post_init__(self) -> None:
        if self.device is not None and self.devices:
            raise ConfigError(f"device = {self.device}, devices = {','.join(self.devices)}: give one of the two")
        self._check_bitrates()
        self._check_addresses()
        self._check_tls()
        self._check_tokens()

    def model_devices(self, default: str) -> tuple[str, ...]:
        """The device of each model process; `default`: of the preset."""
        return self.devices or (self.device or default,)

    @property
    def udp_range(self) -> tuple[int, int] | None:
        """First and last port of `udp_ports`; None if it is not set or invalid."""
        first, dash, last = (self.udp_ports or "").partition("-")
        if not (dash and first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65535):
            return None
        return int(first), int(last)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def token_required(self) -> bool:
        """Whether every request needs a token."""
        return not self.no_auth and (self.token is not None or self.editor_token is not None)

    def _check_bitrates(self) -> None:
        if not self.min_bitrate <= self.start_bitrate <= self.max_bitrate:
            rates = f"{self.min_bitrate}, {self.start_bitrate}, {self.max_bitrate}"
            raise ConfigError(f"min, start and max_bitrate = {rates}: must be in this order")

    def _check_addresses(self) -> None:
        if self.udp_ports is not None and not self.udp_range:
            raise ConfigError(f"udp_ports = {self.udp_ports}: must be FIRST-LAST, 1024 to 65535")
        if self.public_ip is not None:
            try:
                ipaddress.IPv4Address(self.public_ip)
            except ValueError as error:
                raise ConfigError(f"public_ip = {self.public_ip}: must be an IPv4 address") from error
        if self.turn_secret is not None and (self.ice_username is not None or self.ice_credential is not None):
            raise ConfigError("turn_secret: give either this or ice_username and ice_credential")

    def _check_tls(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("tls_cert and tls_key: give both or none")
        for name in ("tls_cert", "tls_key"):
            path = getattr(self, name)
            if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
                raise ConfigError(f"{name} = {path}: no such file, or not readable")
        if not self.loopback and self.tls_cert is None and not self.insecure:
            raise ConfigError(
                f"host = {self.host}: browsers allow no camera to a page from another machine without TLS; "
                "give --tls-cert and --tls-key, --self-signed for a local network, "
                "or --insecure if a proxy in front of this server terminates TLS"
            )

    def _check_tokens(self) -> None:
        own = (self.token, self.editor_token, self.view_token, self.metrics_token)
        tokens = [token for token in own if token is not None]
        if len(set(tokens)) < len(tokens):
            raise ConfigError("token, editor_token, view_token and metrics_token: must differ from each other")
        if self.no_auth and tokens:
            raise ConfigError("no_auth: give either this or token, editor_token, view_token and metrics_token")
        if not self.loopback and not self.token_required and not self.no_auth:
            raise ConfigError(
                f"host = {self.host}: others can reach this address, so the server needs a token; set LIPAR_TOKEN "
                "(or give --token), or give --no-auth to make every client admin"
            )


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without brackets, is a loopback address."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
