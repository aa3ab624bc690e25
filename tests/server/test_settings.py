import argparse
from pathlib import Path

import pytest
from msgspec import inspect

from lipar_cli.serve import add_parser
from lipar_core.errors import ConfigError
from lipar_core.fields import allowed_values
from server.devices import device_shares
from server.ice import ice_servers
from server.run import log_exposure
from server.settings import Settings
from server.settings_sources import load_settings

FIELDS = {field.name: allowed_values(field.type) for field in inspect.type_info(Settings).fields}


def test_flags_beat_the_environment():
    environment = {
        "LIPAR_PORT": "9000",
        "LIPAR_HOST": "::1",
        "LIPAR_ICE_SERVERS": "stun:a,turn:b",
        "LIPAR_INSECURE": "1",
    }
    settings = load_settings({"port": 9100, "host": None}, environment)
    assert (settings.port, settings.host, settings.insecure) == (9100, "::1", True)
    assert settings.ice_servers == ("stun:a", "turn:b")


def test_the_defaults_serve_only_this_machine_without_tokens():
    settings = load_settings({}, {})
    assert settings.loopback
    assert settings.ice_servers == ()


REJECTED = [
    ({"port": 0}, {}, "port = 0: must be a whole number, >= 1 and <= 65535"),
    ({}, {"LIPAR_PORT": "many"}, "LIPAR_PORT = 'many': must be a whole number, >= 1 and"),
    ({}, {"LIPAR_INSECURE": "maybe"}, "LIPAR_INSECURE = 'maybe': must be true or false"),
    ({"max_sessions": 0}, {}, "max_sessions = 0"),
    ({"min_bitrate": 9_000_000}, {}, "min, start and max_bitrate"),
    ({"host": "0.0.0.0"}, {}, "--self-signed for a local network, or --insecure"),
    ({"host": "example.org"}, {}, "browsers allow no camera"),
    ({"host": "0.0.0.0", "insecure": True}, {}, "so the server needs a token"),
    ({"host": "::", "insecure": True}, {"LIPAR_TOKEN": ""}, "so the server needs a token"),
    ({"host": "0.0.0.0", "insecure": True}, {"LIPAR_VIEW_TOKEN": "a"}, "so the server needs a token"),
    ({"tls_cert": Path("nowhere.pem")}, {}, "give both or none"),
    ({"tls_cert": Path("nowhere.pem"), "tls_key": Path("nowhere.key")}, {}, "tls_cert = nowhere.pem: no such file"),
    ({"token": ""}, {}, "token: must be 1 to 500 letters"),
    ({}, {"LIPAR_TOKEN": "two words"}, "LIPAR_TOKEN: must be 1 to 500 letters"),
    ({"token": "same", "view_token": "same"}, {}, "must differ"),
    ({"token": "some", "no_auth": True}, {}, "no_auth: give either this or token"),
    ({}, {"LIPAR_PUBLISH_TOKEN": "old"}, "LIPAR_PUBLISH_TOKEN: there is no such setting any more; use LIPAR_EDITOR"),
    ({"allowed_hosts": ("https://a.example",)}, {}, "allowed_hosts[0] = 'https://a.example': must be host names"),
    ({"device": "gpu"}, {}, "device = 'gpu': must be cpu, cuda or cuda:N"),
    ({"devices": ("cuda:0", "gpu")}, {}, "devices[1] = 'gpu': must be cpu, cuda or cuda:N"),
    ({"devices": ("",)}, {}, "devices[0] = '': must be cpu, cuda or cuda:N"),
    ({}, {"LIPAR_DEVICES": "cuda:0;cuda:1"}, "LIPAR_DEVICES = 'cuda:0;cuda:1': must be cpu, cuda or cuda:N"),
    ({"device": "cpu"}, {"LIPAR_DEVICES": "cuda:0,cuda:1"}, "device = cpu, devices = cuda:0,cuda:1: give one"),
    ({"dtype": "float8"}, {}, "dtype = 'float8': must be auto, float32, bfloat16, float16, or linear:DTYPE"),
    ({"base_path": "studio/"}, {}, "base_path = 'studio/': must be a path like /studio"),
    ({}, {"LIPAR_ICE_SERVERS": "http://a"}, "LIPAR_ICE_SERVERS = 'http://a': must be stun:"),
    ({}, {"LIPAR_ICE_SERVERS": "[1]"}, "LIPAR_ICE_SERVERS = '[1]': must be stun:"),
]


@pytest.mark.parametrize(("flags", "environment", "message"), REJECTED)
def test_invalid_settings_are_rejected_in_one_line(flags, environment, message):
    with pytest.raises(ConfigError) as rejection:
        load_settings(flags, environment)
    assert message in str(rejection.value)
    assert "\n" not in str(rejection.value)


def test_each_device_has_its_own_model_process_and_cpu_devices_share_the_cores():
    def shares(cores: int, **flags: object) -> list[tuple[str, int | None]]:
        return [(share.device, share.threads) for share in device_shares(load_settings(flags, {}), "cuda", cores)]

    assert shares(8) == [("cuda", None)]
    assert shares(8, device="cpu") == [("cpu", None)]
    assert shares(8, devices=("cuda:0", "cuda:1")) == [("cuda:0", None), ("cuda:1", None)]
    assert shares(9, devices=("cpu", "cpu", "cuda:0")) == [("cpu", 4), ("cpu", 4), ("cuda:0", None)]
    assert shares(2, devices=("cpu",) * 3) == [("cpu", 1)] * 3
    assert shares(8, devices=("cpu", "cpu"), threads=6) == [("cpu", 6), ("cpu", 6)]


def test_the_flag_devices_is_a_list_with_commas():
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    given = parser.parse_args(["serve", "--devices", "cuda:0, cuda:1"])
    assert given.devices == load_settings({}, {"LIPAR_DEVICES": "cuda:0, cuda:1"}).devices == ("cuda:0", "cuda:1")


def test_error_messages_contain_no_secrets():
    for name in ("token", "editor_token", "view_token", "metrics_token"):
        with pytest.raises(ConfigError) as rejection:
            load_settings({}, {f"LIPAR_{name.upper()}": "my secret"})
        assert "secret" not in str(rejection.value)


@pytest.mark.parametrize("name", FIELDS)
def test_an_empty_variable_is_not_set(name):
    for nothing in ("", "  "):
        assert getattr(load_settings({}, {f"LIPAR_{name.upper()}": nothing}), name) == getattr(Settings(), name)


@pytest.mark.parametrize("name", [name for name, allowed in FIELDS.items() if allowed.startswith("a finite number")])
def test_durations_must_be_finite(name):
    for number in ("nan", "inf", "-inf", "1e999"):
        with pytest.raises(ConfigError, match=f"^LIPAR_{name.upper()} = '{number}': must be a finite number"):
            load_settings({}, {f"LIPAR_{name.upper()}": number})
        with pytest.raises(ConfigError, match=f"^{name} = -?(nan|inf): must be a finite number"):
            load_settings({name: float(number)}, {})


@pytest.mark.parametrize("name", [name for name, allowed in FIELDS.items() if " number" in allowed])
def test_every_number_has_a_range(name):
    for beyond in (-1, 10**12):
        with pytest.raises(ConfigError, match=f"^{name} = {beyond}: must be a .* and <= "):
            load_settings({name: beyond}, {})


def test_a_misspelled_variable_is_warned_about(caplog):
    load_settings({}, {"LIPAR_VIEWTOKEN": "a", "LIPAR_EDITOR_TOKEN": "b", "LIPAR_WEIGHTS": "/w", "LIPAR_ZZZZ": "c"})
    [message] = caplog.messages
    assert message == "LIPAR_VIEWTOKEN is not a setting; did you mean LIPAR_VIEW_TOKEN?"


def test_other_addresses_are_served_with_tls_or_on_request(tmp_path):
    pem = tmp_path / "x.pem"
    pem.write_text("-")
    assert load_settings({"host": "0.0.0.0", "tls_cert": pem, "tls_key": pem, "token": "a"}, {}).token_required
    assert load_settings({"host": "0.0.0.0", "insecure": True}, {"LIPAR_TOKEN": "a"}).insecure
    assert not load_settings({"host": "0.0.0.0", "insecure": True, "no_auth": True}, {}).token_required
    assert not load_settings({}, {"LIPAR_VIEW_TOKEN": "a"}).token_required


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"no_auth": True}, "no token is required (--no-auth)"),
        ({"editor_token": "a"}, "there is no admin"),
        ({"host": "0.0.0.0", "insecure": True, "token": "a"}, "without TLS (--insecure)"),
        ({}, ""),
        ({"token": "a"}, ""),
    ],
)
def test_the_log_warns_of_open_access(flags, message, caplog):
    log_exposure(load_settings(flags, {}))
    assert message in caplog.text
    assert len(caplog.messages) == bool(message)


def test_turn_credentials_expire_and_match_coturn_s():
    """OpenSSL's: printf %s 1003600:page | openssl dgst -sha1 -hmac north -binary | base64"""
    settings = Settings(ice_servers=("stun:a", "turn:b"), turn_secret="north")
    stun, turn = ice_servers(settings, "page", now=1_000_000.9)
    assert (stun.username, stun.credential) == (None, None)
    assert turn.username == "1003600:page"
    assert turn.credential == "VEPl/0u4BO1Q+qg6j/VbL9UP8og="
    fixed = ice_servers(Settings(ice_servers=("turn:b",), ice_username="u", ice_credential="c"), "page")
    assert (fixed[0].username, fixed[0].credential) == ("u", "c")


@pytest.mark.parametrize("ports", ["40000", "a-b", "500-600", "5000-4000", "60000-70000"])
def test_ports_are_a_range(ports):
    with pytest.raises(ConfigError, match="udp_ports"):
        Settings(udp_ports=ports)


def test_addresses_and_ports_are_read():
    assert Settings(udp_ports="40000-40100").udp_range == (40000, 40100)
    assert Settings().udp_range is None
    with pytest.raises(ConfigError, match="must be an IPv4 address"):
        Settings(public_ip="lipar.example")


def test_a_secret_and_a_fixed_login_exclude_each_other():
    with pytest.raises(ConfigError, match="turn_secret: give either"):
        Settings(turn_secret="s", ice_username="u")
    with pytest.raises(ConfigError, match="turn_ttl_s = 5"):
        load_settings({"turn_ttl_s": 5}, {})
