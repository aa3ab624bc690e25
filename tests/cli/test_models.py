"""`lipar models`: which files are there, whole, or removed."""

from lipar_cli.main import main
from lipar_cli.weights.sources import sources
from tests.cli.weights_folder import TARGET, put_all


def test_models(hub, tmp_path, capsys):
    folder = tmp_path / "weights"
    put_all(hub, folder)
    data = bytearray((folder / TARGET).read_bytes())
    data[1000] ^= 1
    (folder / TARGET).write_bytes(data)
    assert main(["models", "verify", "wan-1.3b"]) == 1
    out = capsys.readouterr().out
    assert f"{TARGET}  DIFFERS" in out
    assert out.count("  ok") == len(sources()) - 1
    (folder / TARGET).unlink()
    (folder / "wan-1.3b" / "taew2_1.pth").write_bytes(b"short")
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert f"{TARGET}  is missing" in out
    assert "taew2_1.pth  0.000 GB, changed since the download" in out
    assert main(["models", "verify"]) == 1
    assert f"{TARGET}  is missing" in capsys.readouterr().out

    partial = folder / f"{TARGET}.0123.partial"
    converted = folder / "converted" / "self_forcing_dmd-transformer-bf16-0-1.safetensors"
    own_file = folder / "wan-1.3b" / "my_lora.safetensors"
    converted.parent.mkdir()
    for path in (partial, converted, own_file):
        path.write_bytes(b"x")
    assert main(["models", "remove", "wan-1.3b"]) == 0
    remaining = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert remaining == ["manifest.json", "wan-1.3b/my_lora.safetensors"]
    assert main(["models", "remove"]) == 2
    assert main(["models", "remove", "tiny"]) == 2
    (folder / "manifest.json").write_text("{")
    assert main(["models"]) == 2
    assert "damaged" in capsys.readouterr().err


def test_nothing_downloaded_is_not_verified(tmp_path, monkeypatch, capsys):
    """A script that asks whether the checkpoints are whole must not read success."""
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path / "weights"))
    assert main(["models", "verify"]) == 1
    assert capsys.readouterr().out == f"nothing to verify: {tmp_path}/weights has no file from `lipar download`\n"
    assert main(["models", "verify", "wan-1.3b"]) == 1
    assert capsys.readouterr().out.count("  is missing\n") == len(sources())
