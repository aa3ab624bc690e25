import pytest

from lipar_core.errors import ConfigError
from server.ice import ice_servers
from server.settings import Settings, load_settings


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


def test_by_default_only_this_machine_is_served_and_nobody_is_asked():
    settings = load_settings({}, {})
    assert settings.loopback
    assert settings.ice_servers == ()


@pytest.mark.parametrize(
    ("flags", "environment", "message"),
    [
        ({"port": 0}, {}, "port = 0: must be 1 to 65535"),
        ({}, {"LIPAR_PORT": "many"}, "LIPAR_PORT = 'many': must be int"),
        ({}, {"LIPAR_INSECURE": "maybe"}, "LIPAR_INSECURE"),
        ({"max_sessions": 0}, {}, "max_sessions = 0"),
        ({"min_bitrate": 9_000_000}, {}, "min, start and max_bitrate"),
        ({"host": "0.0.0.0"}, {}, "--tls-cert and --tls-key, or --insecure"),
        ({"host": "example.org"}, {}, "browsers give no camera"),
        ({"tls_cert": "nowhere.pem"}, {}, "give both or none"),
        ({"tls_cert": "nowhere.pem", "tls_key": "nowhere.key"}, {}, "tls_cert = nowhere.pem: no such file"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(flags, environment, message):
    with pytest.raises(ConfigError) as refusal:
        load_settings(flags, environment)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_other_addresses_are_served_with_tls_or_on_request(tmp_path):
    pem = tmp_path / "x.pem"
    pem.write_text("-")
    assert load_settings({"host": "0.0.0.0", "tls_cert": pem, "tls_key": pem}, {}).host == "0.0.0.0"
    assert load_settings({"host": "0.0.0.0", "insecure": True}, {}).insecure


def test_a_login_for_turn_expires_and_is_what_coturn_computes():
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
        Settings(turn_ttl_s=5)
