"""Dockerfile, .dockerignore, docker-compose.yml and the dashboard agree with the repository."""

import json
import re

import yaml

from harness.local import ROOT


def test_the_image_is_made_from_files_that_exist_and_reach_the_builder() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in let_through), source


def test_compose_asks_for_a_gpu_and_keeps_weights_and_state_in_volumes() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["lipar"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert {volume.split(":")[1] for volume in service["volumes"]} == {"/weights", "/var/lib/lipar"}


def test_compose_does_not_start_without_a_token() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["lipar"]
    assert service["environment"]["LIPAR_TOKEN"].startswith("${LIPAR_TOKEN:?set it in")
    assert service["environment"]["LIPAR_EDITOR_TOKEN"] == "${LIPAR_EDITOR_TOKEN:-}"  # empty is not set


def test_every_variable_of_compose_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert {name for name in names if not re.search(rf"^#?{name}=", example, re.MULTILINE)} <= {"LIPAR_DEVICE"}


def test_the_files_that_compose_mounts_exist() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]
    files = [path for path in mounted if path.startswith("./")]
    assert len(files) > 6
    assert [path for path in files if not (ROOT / path).is_file()] == []


def test_the_dashboard_shows_documented_metrics_of_the_provisioned_data_source() -> None:
    grafana = ROOT / "deploy" / "grafana"
    panels = json.loads((grafana / "lipar.json").read_text(encoding="utf-8"))["panels"]
    (source,) = yaml.safe_load((grafana / "datasource.yaml").read_text(encoding="utf-8"))["datasources"]
    targets = [target for panel in panels for target in panel["targets"]]
    assert {part["datasource"]["uid"] for part in (*panels, *targets)} == {source["uid"]}
    documented = set(
        re.findall(r"^\| `(lipar_\w+)`", (ROOT / "docs" / "reference.md").read_text("utf-8"), re.MULTILINE)
    )
    shown = {name for target in targets for name in re.findall(r"lipar_\w+", target["expr"])}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} <= documented
    assert len(shown) > 15
