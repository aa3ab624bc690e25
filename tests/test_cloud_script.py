"""deploy/cloud.sh: each step's check and commands, with stand-ins for the machine's programs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.local import ROOT

SCRIPT = ROOT / "deploy" / "cloud.sh"
GPU = "echo '580.95.05, 24564, NVIDIA RTX 4090'"
UFW = "\n".join(
    ["Status: active", *(f"{port}  ALLOW  Anywhere" for port in ("80/tcp", "443/tcp", "3478/tcp", "3478/udp"))]
)
RANGES = "\n40000:40100/udp  ALLOW  Anywhere\n49160:49260/udp  ALLOW  Anywhere"
TURN = "echo 'ok    turn login       relay address allocated by turn:studio.example.org:3478'"
DOCKER = """case "$*" in
"compose version --short") echo 2.24.6 ;;
info | "image inspect lipar-live:cuda" | "compose run --rm lipar models verify wan-1.3b") ;;
"run --rm --gpus all debian:12-slim nvidia-smi -L") echo "Pulling from library" >&2; echo "GPU 0: NVIDIA L4" ;;
"compose exec -T lipar lipar doctor") TURN ;;
*) exit 9 ;;
esac""".replace("TURN", TURN)
WORKING = {
    "curl": 'echo "$*" >> calls',
    "docker": DOCKER,
    "getent": "echo '203.0.113.7 STREAM studio.example.org'",
    "hostname": "echo 10.0.0.4",
    "nvidia-smi": GPU,
    "ufw": f"printf '%s' '{UFW}{RANGES}'",
}
SETTINGS = {
    "LIPAR_DOMAIN": "studio.example.org",
    "LIPAR_PUBLIC_IP": "203.0.113.7",
    "LIPAR_TOKEN": "one",
    "LIPAR_TURN_SECRET": "two",
}


class Machine:
    """A checkout with the script, and a PATH with stand-ins before the system's programs."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.programs = folder / "checkout", folder / "programs"
        (self.checkout / "deploy").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(SCRIPT, self.checkout / "deploy")
        shutil.copy(ROOT / ".env.example", self.checkout)
        for name, text in WORKING.items():
            self.program(name, text)

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def settings(self, **changes: str) -> None:
        text = (ROOT / ".env.example").read_text(encoding="utf-8")
        for name, value in (SETTINGS | changes).items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1
        (self.checkout / ".env").write_text(text, encoding="utf-8")
        (self.checkout / ".env").chmod(0o600)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}:/usr/bin:/bin"
        command = ["sh", "deploy/cloud.sh", *arguments]
        variables = {"PATH": path, "LIPAR_START_TIMEOUT_S": "0", **environment}
        return subprocess.run(
            command, cwd=self.checkout, env=variables, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.settings()
    return machine


STEPS = ("driver", "docker", "toolkit", "settings", "dns", "firewall", "image", "weights", "start", "turn")


def test_every_check_passes_on_a_machine_that_is_set_up(machine: Machine) -> None:
    reply = machine.run("check", *STEPS)
    assert reply.returncode == 0, reply.stdout + reply.stderr
    assert [line.split()[:2] for line in reply.stdout.splitlines()] == [["ok", f"{step}:"] for step in STEPS]
    assert "--insecure" in (machine.checkout / "calls").read_text(encoding="utf-8")  # Caddy's own authority


def without(*lines: str) -> str:
    return "\n".join(line for line in DOCKER.splitlines() if not any(part in line for part in lines))


FAULTS = [  # step, program, what it does, what is said
    ("driver", "nvidia-smi", "exit 9", "no NVIDIA driver"),
    ("driver", "nvidia-smi", "echo '535.183.01, 24564, NVIDIA L4'", "needs driver 580"),
    ("driver", "nvidia-smi", "echo '580.95.05, 8188, NVIDIA RTX 3070'", "needs 16 GB of GPU memory"),
    ("docker", "docker", "exit 127", "no Docker with Compose"),
    ("docker", "docker", "echo 2.5.0", "Compose 2.5.0: needs 2.24"),
    ("docker", "docker", without("info |"), "the daemon does not run"),
    ("toolkit", "docker", "echo 'could not select device driver' >&2; exit 125", "could not select device driver"),
    ("dns", "getent", "exit 2", "has no address: add an A record"),
    ("dns", "getent", "echo 198.51.100.1 STREAM", "is 198.51.100.1, LIPAR_PUBLIC_IP is 203.0.113.7"),
    ("firewall", "ufw", f"printf '%s' '{UFW}'", "ufw blocks 40000:40100/udp"),
    ("image", "docker", "exit 1", "the image is not built"),
    ("weights", "docker", "exit 1", "preset wan-1.3b: incomplete"),
    ("start", "curl", "exit 22", "https://studio.example.org/readyz does not return 200"),
    ("turn", "docker", without("compose exec"), "no result"),
    ("turn", "docker", "echo 'fail  turn login       turn:studio.example.org:3478: 401'", "401"),
]


@pytest.mark.parametrize(("step", "program", "text", "message"), FAULTS)
def test_a_check_names_what_is_wrong(machine: Machine, step: str, program: str, text: str, message: str) -> None:
    machine.program(program, text)
    reply = machine.run("check", step)
    assert reply.returncode == 1
    assert reply.stdout.startswith(f"fail  {step}: ")
    assert message in reply.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"LIPAR_TOKEN": ""}, "LIPAR_TOKEN is empty in .env"),
        ({"LIPAR_TURN_SECRET": ""}, "LIPAR_TURN_SECRET is empty in .env"),
        ({"LIPAR_DOMAIN": "localhost"}, "LIPAR_DOMAIN=localhost"),
    ],
)
def test_incomplete_settings_are_named(machine: Machine, changes: dict[str, str], message: str) -> None:
    machine.settings(**changes)
    assert message in machine.run("check", "settings").stdout


def test_settings_that_others_can_read_are_rejected(machine: Machine) -> None:
    (machine.checkout / ".env").chmod(0o644)
    assert "readable by others" in machine.run("check", "settings").stdout


def test_an_address_of_this_machine_needs_no_public_one(machine: Machine) -> None:
    machine.settings(LIPAR_PUBLIC_IP="")
    assert "behind a 1:1 NAT set LIPAR_PUBLIC_IP" in machine.run("check", "dns").stdout
    machine.program("hostname", "echo 10.0.0.4 203.0.113.7")
    assert machine.run("check", "dns").returncode == 0


def test_the_settings_are_written_once_with_random_secrets(machine: Machine) -> None:
    (machine.checkout / ".env").unlink()
    given = {"LIPAR_DOMAIN": "studio.example.org", "LIPAR_TLS": "me@example.org"}
    assert machine.run("install", "settings", **given).returncode == 0
    text = (machine.checkout / ".env").read_text(encoding="utf-8")
    secrets = re.findall(r"^LIPAR_(?:TOKEN|TURN_SECRET)=([0-9a-f]{48})$", text, re.MULTILINE)
    assert len(set(secrets)) == 2
    assert "\nLIPAR_TLS=me@example.org\n" in text
    assert (machine.checkout / ".env").stat().st_mode & 0o777 == 0o600
    machine.run("install", "settings", LIPAR_DOMAIN="other.example.org")  # is complete: nothing is carried out
    assert (machine.checkout / ".env").read_text(encoding="utf-8") == text


def test_a_setting_that_a_shell_or_sed_would_read_otherwise_is_rejected(machine: Machine) -> None:
    (machine.checkout / ".env").unlink()
    reply = machine.run("install", "settings", LIPAR_DOMAIN="a|e id")
    assert (reply.returncode, "are allowed" in reply.stderr) == (2, True)


def test_the_firewall_is_opened_port_by_port(machine: Machine) -> None:
    opened = (
        'case "$1" in status) printf "Status: active\\n"; cat rules ;; allow) echo "$2 ALLOW Anywhere" >> rules ;; esac'
    )
    machine.program("ufw", opened)
    (machine.checkout / "rules").touch()
    assert machine.run("install", "firewall").returncode == 0
    assert len((machine.checkout / "rules").read_text(encoding="utf-8").splitlines()) == 6


def test_a_command_that_fails_ends_the_installation(machine: Machine) -> None:
    machine.program("docker", "exit 1")
    machine.program("apt-get", "exit 100")
    reply = machine.run("install", "docker", "image")
    assert reply.returncode == 1
    assert "`apt-get update` ended with 100" in reply.stderr
    assert "image" not in reply.stdout


def test_a_step_that_did_not_help_is_an_error(machine: Machine) -> None:
    machine.program("curl", "exit 22")
    machine.program("docker", ":")
    reply = machine.run("install", "start", "turn")
    assert reply.returncode == 1
    assert "+ docker compose up --detach" in reply.stdout
    assert "fail  start: " in reply.stderr
    assert " turn: " not in reply.stdout


def test_a_dry_run_prints_every_step_and_changes_nothing(machine: Machine) -> None:
    (machine.checkout / ".env").unlink()
    for name in WORKING:
        machine.program(name, f'echo "{name} $*" >> calls; exit 1')
    for name in ("apt-get", "systemctl", "ubuntu-drivers"):
        machine.program(name, "touch changed")
    before = sorted(os.listdir(machine.checkout))
    reply = machine.run("dry-run", *STEPS)
    assert reply.returncode == 0, reply.stderr
    for command in ("ubuntu-drivers install", "nvidia-ctk runtime configure", "docker compose up --detach"):
        assert f"+ {command}" in reply.stdout
    calls = (machine.checkout / "calls").read_text(encoding="utf-8")
    assert not re.search(r"docker compose (up|build|restart|run --rm lipar download)|ufw allow", calls)
    assert sorted(os.listdir(machine.checkout)) == sorted([*before, "calls"])


def test_an_unknown_step_and_no_mode_are_usage_errors(machine: Machine) -> None:
    assert "there are system driver" in machine.run("check", "everything").stderr
    reply = machine.run()
    assert reply.returncode == 2
    assert "sh deploy/cloud.sh dry-run [STEP...]" in reply.stderr
