"""Embeddings cached on disk, and files of embeddings without an encoder."""

import logging

import pytest
import torch
import yaml

from lipar_cli.main import main
from lipar_core.errors import CheckpointError, LiparError
from lipar_core.models.embedding_files import CachedTextEncoder, PrecomputedTextEncoder
from lipar_core.models.loading import load_models
from lipar_core.presets import load_preset
from lipar_core.weight_files import locate


class Counting:
    """An encoder of fixed vectors that pads with zeros, as UMT5 does, and counts its calls."""

    def __init__(self):
        self.calls = 0

    def encode(self, prompt):
        self.calls += 1
        out = torch.zeros(16, 8, dtype=torch.bfloat16)
        generator = torch.Generator().manual_seed(len(prompt))
        out[: len(prompt.split())] = torch.randn(len(prompt.split()), 8, generator=generator)
        return out

    def count_tokens(self, prompt):
        return len(prompt.split()), len(prompt.split())

    def unknown_words(self, prompt):
        return ("oil",) if "oil" in prompt else ()


def test_an_embedding_survives_a_restart(tmp_path):
    first, second, other = Counting(), Counting(), Counting()
    for prompt in ("a pencil sketch", "oil", ""):
        expected = CachedTextEncoder(first, tmp_path, "encoder A").encode(prompt)
        again = CachedTextEncoder(second, tmp_path, "encoder A").encode(f" {prompt}\n")
        assert torch.equal(again, expected)
        assert again.dtype == torch.bfloat16
    assert (first.calls, second.calls) == (3, 0)
    CachedTextEncoder(other, tmp_path, "encoder B").encode("oil")
    assert other.calls == 1, "another encoder's embeddings are not its own"
    assert all(path.suffix == ".safetensors" for path in tmp_path.iterdir())


def test_damaged_files_and_folders_are_not_fatal(tmp_path, caplog):
    encoder = Counting()
    expected = CachedTextEncoder(encoder, tmp_path, "a").encode("oil")
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"junk")
    with caplog.at_level(logging.WARNING):
        assert torch.equal(CachedTextEncoder(encoder, tmp_path, "a").encode("oil"), expected)
        assert "is damaged and is encoded again" in caplog.text
        assert torch.equal(CachedTextEncoder(encoder, file, "a").encode("oil"), expected)
        assert "could not be stored" in caplog.text


def test_the_oldest_files_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("lipar_core.models.embedding_files.MAX_FILES", 3)
    for i in range(5):
        CachedTextEncoder(Counting(), tmp_path, str(i)).encode("oil")
    assert len(list(tmp_path.iterdir())) == 3


def test_prompts_of_a_file_need_no_encoder(tmp_path, capsys):
    (tmp_path / "prompts.txt").write_text("# styles\na pencil sketch\n\n  an oil  painting \na pencil sketch\n")
    out = tmp_path / "styles.safetensors"
    assert main(["embed", "-o", str(out), "--preset", "tiny"]) == 0
    styles = load_preset("tiny").styles
    assert all(PrecomputedTextEncoder(out).encode(style.prompt).any() for style in styles)
    assert main(["embed", str(tmp_path / "prompts.txt"), "-o", str(out), "--preset", "tiny"]) == 0
    assert "2 prompts in" in capsys.readouterr().out
    tree = yaml.safe_load((locate("bundled:").parents[1] / "configs" / "tiny.yaml").read_text(encoding="utf-8"))
    tree["text"], tree["weights"]["text"] = {"kind": "precomputed"}, str(out)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tree))
    prompts = load_models(load_preset(tmp_path / "mine.yaml"), "cpu").prompts
    own = load_models(load_preset("tiny"), "cpu").prompts
    for prompt in ("a pencil sketch", "an oil painting"):
        assert torch.equal(prompts.encode(prompt).context, own.encode(prompt).context)
        assert prompts.encode(prompt).tokens == own.encode(prompt).tokens
    with pytest.raises(LiparError, match=r"'a thermal camera' is not among the 2 in styles\.safetensors"):
        prompts.encode("a thermal camera")


def test_other_files_are_rejected(tmp_path, capsys):
    with pytest.raises(CheckpointError, match="not written by"):
        PrecomputedTextEncoder(locate("bundled:tiny.safetensors"))
    (tmp_path / "a.safetensors").write_bytes(b"junk")
    with pytest.raises(CheckpointError, match="not a safetensors"):
        PrecomputedTextEncoder(tmp_path / "a.safetensors")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    for name in ("missing.txt", "empty.txt"):
        assert main(["embed", str(tmp_path / name), "-o", str(tmp_path / "out"), "--preset", "tiny"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    (tmp_path / "prompts.txt").write_text("a pencil sketch")
    nowhere = tmp_path / "missing" / "out"
    assert main(["embed", str(tmp_path / "prompts.txt"), "-o", str(nowhere), "--preset", "tiny"]) == 2
    assert capsys.readouterr().err == f"lipar: {nowhere}: No such file or directory\n"
