"""What the server says of its preset."""

from pathlib import Path

from harness.echo import write_preset
from lipar_core.presets import load_preset
from tests.server.api.app_client import client_of, make_app


async def test_a_style_has_a_picture_where_the_page_has_its_file(tmp_path: Path) -> None:
    path = write_preset(tmp_path, width=96, height=64)
    preset = load_preset(str(path))
    first = preset.styles[0]
    folder = tmp_path / "static" / "styles" / preset.name
    folder.mkdir(parents=True)
    (folder / f"{first.slug}.jpg").write_bytes(b"a picture")
    async with client_of(make_app(str(path), static=tmp_path / "static", no_auth=True)) as client:
        styles = (await client.get("/api/v1/preset")).json()["styles"]
    assert styles[0]["picture"] == f"styles/{preset.name}/{first.slug}.jpg"
    assert [style["picture"] for style in styles[1:]] == [None] * (len(preset.styles) - 1)
