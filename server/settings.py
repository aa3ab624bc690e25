"""The server's own settings: flags first, then LIPAR_* environment variables, then defaults."""

import ipaddress
import json
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lipar_core.errors import ConfigError

PREFIX = "LIPAR_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that is fixed while the server runs."""

    host: str = "127.0.0.1"
    port: int = 8000
    preset: str = "auto"  # `lipar serve` decides which that is before anything starts
    device: str | None = None  # None: the preset's own
    threads: int | None = None  # of the model process on a CPU; None: PyTorch's choice
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False  # serve other addresses than loopback without TLS
    max_sessions: int = 2
    ice_servers: tuple[str, ...] = ()  # stun: and turn: URLs, as the page gets them too
    ice_username: str | None = None
    ice_credential: str | None = None
    turn_secret: str | None = None  # shared with the TURN server: everyone gets a login of their own that expires
    turn_ttl_s: int = 3600
    udp_ports: str | None = None  # "40000-40100": where media is bound; None: the kernel chooses
    public_ip: str | None = None  # IPv4 that browsers reach this server at, where it is not an interface's own
    start_bitrate: int = 1_500_000  # bit/s, of the edited video
    min_bitrate: int = 250_000
    max_bitrate: int = 6_000_000
    camera_start_bitrate: int = 1_500_000  # at which a browser is told to begin sending
    setup_timeout_s: float = 15.0  # from the offer to the first frame
    silence_timeout_s: float = 4.5  # without a frame from the camera and without a ping from its page
    viewer_timeout_s: float = 15.0  # without a report of the video that a viewer gets
    max_viewers: int = 16  # of a session, beside whoever edits it
    publish_token: str | None = None  # what a WHIP publisher has to show; None: nothing
    view_token: str | None = None  # lets its bearer watch every session; each has a token of its own beside it
    grace_s: float = 30.0  # a session whose browser is gone waits so long for it to come back
    max_session_s: float = 0.0  # a session's greatest age; 0 = no limit
    load_timeout_s: float = 600.0  # of the model
    hang_timeout_s: float | None = None  # of silence from the loaded model; None: ten of its blocks, at least 5 s
    static: Path = Path(__file__).parent / "static"  # the page's build

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"port = {self.port}: must be 1 to 65535")
        if self.max_sessions < 1:
            raise ConfigError(f"max_sessions = {self.max_sessions}: must be at least 1")
        if self.max_viewers < 0:
            raise ConfigError(f"max_viewers = {self.max_viewers}: must not be negative")
        if not 0 < self.min_bitrate <= self.start_bitrate <= self.max_bitrate:
            rates = f"{self.min_bitrate}, {self.start_bitrate}, {self.max_bitrate}"
            raise ConfigError(f"min, start and max_bitrate = {rates}: must be positive and in this order")
        for name in ("setup_timeout_s", "silence_timeout_s", "viewer_timeout_s"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} = {getattr(self, name)}: must be positive")
        for name in ("grace_s", "max_session_s"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} = {getattr(self, name)}: must not be negative")
        if self.udp_ports is not None and not self.udp_range:
            raise ConfigError(f"udp_ports = {self.udp_ports}: must be FIRST-LAST, 1024 to 65535")
        if self.public_ip is not None:
            try:
                ipaddress.IPv4Address(self.public_ip)
            except ValueError as error:
                raise ConfigError(f"public_ip = {self.public_ip}: must be an IPv4 address") from error
        if self.turn_secret is not None and (self.ice_username is not None or self.ice_credential is not None):
            raise ConfigError("turn_secret: give either that or ice_username and ice_credential")
        if self.turn_ttl_s < 60:
            raise ConfigError(f"turn_ttl_s = {self.turn_ttl_s}: must be at least 60")
        if self.camera_start_bitrate < 1000:
            raise ConfigError(f"camera_start_bitrate = {self.camera_start_bitrate}: must be at least 1000 bit/s")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("tls_cert and tls_key: give both or none")
        for name in ("tls_cert", "tls_key"):
            path = getattr(self, name)
            if path is not None and not os.access(path, os.R_OK):
                raise ConfigError(f"{name} = {path}: no such file, or not readable")
        if not self.loopback and self.tls_cert is None and not self.insecure:
            raise ConfigError(
                f"host = {self.host}: browsers give no camera to a page from another machine without TLS; "
                "give --tls-cert and --tls-key, or --insecure if something in front of this server does TLS"
            )

    @property
    def udp_range(self) -> tuple[int, int] | None:
        """First and last of `udp_ports`; None where there is no such range."""
        first, dash, last = (self.udp_ports or "").partition("-")
        if not (dash and first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65535):
            return None
        return int(first), int(last)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_settings(flags: Mapping[str, object] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from flags (None values are not given) and the environment; raises `ConfigError` naming a bad one."""
    values: dict[str, object] = {}
    for name, hint in typing.get_type_hints(Settings).items():
        if (text := environment.get(PREFIX + name.upper())) is not None:
            values[name] = _parse(PREFIX + name.upper(), text, hint)
    values |= {name: value for name, value in (flags or {}).items() if value is not None}
    return Settings(**values)  # type: ignore[arg-type]


def _parse(name: str, text: str, hint: object) -> object:
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not type(None))
    try:
        if hint is bool:
            return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
        if typing.get_origin(hint) is tuple:
            return tuple(json.loads(text)) if text.startswith("[") else tuple(filter(None, text.split(",")))
        assert callable(hint)
        return hint(text)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{name} = {text!r}: must be {getattr(hint, '__name__', hint)}") from error
