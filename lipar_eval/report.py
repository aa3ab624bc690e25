"""The whole evaluation: runs the parts, prints their results, collects rows for JSON and sections for the page."""

import json
from collections.abc import Sequence
from pathlib import Path

from lipar_core.config import PresetStyle
from lipar_core.models.loading import Models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters
from lipar_core.sizes import size_name
from lipar_eval import autoencoder, detectors, fidelity, limits, long_run, pruning, vbench
from lipar_eval.clips import Clip, read_clip
from lipar_eval.data_urls import curves, strip
from lipar_eval.detector_sections import add_detector_sections
from lipar_eval.edited_clips import edit_clip
from lipar_eval.faces import load_faces
from lipar_eval.looks import face_counts, looks
from lipar_eval.lpips_metric import load_lpips
from lipar_eval.machine import machine_info
from lipar_eval.page import Section, write_page
from lipar_eval.source_kinds import source_kinds
from lipar_eval.summary import Row, means
from lipar_video.overlay import tint_by_keep_mask

CURVE_LABELS = {"psnr_db": "PSNR to unpruned, dB", "ssim": "SSIM to unpruned", "flicker_ratio": "flicker ratio"}
STRIP_CLIPS, STRIP_STYLES = 3, 3


class Report:
    """One run of `lipar eval`."""

    def __init__(self, models: Models, paths: Sequence[Path], frames: int) -> None:
        self.models, self.paths = models, paths
        self.clips = [read_clip(path, models, frames) for path in paths]
        self.targets = fidelity.targets_of(models.preset)
        self.lpips, self.lpips_note = load_lpips()
        self.machine = machine_info(models.device)
        self.rows: dict[str, list[Row]] = {}
        self.sections = [self._strips()]
        print("\n".join(f"{name}: {value}" for name, value in self.machine.items()))

    def autoencoder(self) -> None:
        rows = self._store("autoencoder", autoencoder.autoencoder(self.models, self.clips))
        text = "The source after the codec's round trip; flicker in levels of 255, in static regions of the source."
        self._add_section("Autoencoder", text, [*rows, {"clip": "mean"} | means(rows)[0]])

    def fidelity(self) -> None:
        if not self.targets:
            self._add_section("Styles", "Not measured: no style of this preset has a classical target.")
            return
        rows = self._store("fidelity", fidelity.fidelity(self.models, self.clips, self.targets))
        text = "Unpruned output against the style's target; accuracy: ratio of frames whose nearest target it is."
        by_style = means(rows, ["style"])
        self._add_section("Styles", text, [*by_style, {"style": "mean"} | means(rows)[0]])

    def looks(self) -> None:
        if not self.targets:
            self._add_section("Looks", "Not measured: no style of this preset has a classical target.")
            return
        faces, faces_note = load_faces()
        part = looks(self.models, self.clips, self.targets, faces, self.lpips)
        rows = self._store("looks", part.rows)
        text = (
            "Pruned output at the preset's thresholds. grid: gradient across token borders over gradient "
            "elsewhere; flicker in levels of 255, in static regions of the source. Below: source, target, output of "
            f"every style, clips with most faces first. {faces_note}. {self.lpips_note}."
        )
        counts = face_counts(rows) if faces else {}
        by_style = [row | counts.get(str(row["style"]), {}) for row in means(rows, ["style"])]
        self._add_section("Looks", text, by_style, [strip([sheet]) for sheet in part.sheets])

    def pruning(self, prompts: list[str], scales: Sequence[float]) -> None:
        settings = pruning.scaled(self.models.preset, scales)
        rows = self._store("pruning", pruning.pruning(self.models, self.clips, prompts, settings, self.lpips))
        tau = self.models.preset.pruning.tau
        at_default = [row for row in rows if row["tau"] == tau] or rows
        overall = means(rows, ["variant", "tau"])
        by_variant = {variant: [row for row in overall if row["variant"] == variant] for variant in pruning.VARIANTS}
        pictures = [
            curves({variant: _series(part, "kept", name) for variant, part in by_variant.items()}, "keep ratio", label)
            for name, label in CURVE_LABELS.items()
        ]
        prompt_list = ", ".join(prompts)
        text = f"Pruned output against unpruned output, same seed. {self.lpips_note}. Prompts: {prompt_list}."
        self._add_section("Pruning", text, overall, pictures)
        self._add_section(
            "Pruning at the preset's thresholds, by clip", f"tau {tau}", means(at_default, ["clip", "variant"])
        )
        text = (
            "dB over naive pruning with the same masks, mean over prompts: PSNR of the whole picture, the same with "
            "perfect recovery (kept tokens as if nothing was pruned), and PSNR of the kept tokens."
        )
        if gains := pruning.recovery(rows, tau):
            self._add_section("Gain of attention recovery", text, self._store("recovery", gains))

    def vbench(self, prompt: str) -> None:
        program = vbench.find_vbench()
        if program is None:
            self._add_section("VBench", vbench.MISSING_NOTE)
            return
        ours = merge(default_parameters(self.models.preset), {"prompt": prompt})
        variants = {"unpruned": merge(ours, {"pruning": {"enabled": False}}), ours.pruning.detector: ours}
        videos = {
            variant: {c.name: edit_clip(self.models, c, parameters).frames for c in self.clips}
            for variant, parameters in variants.items()
        }
        rows, note = vbench.score(program, videos)
        self._add_section("VBench", note, self._store("vbench", rows))

    def detectors(self, scales: Sequence[float], prompt: str | None) -> None:
        rows = self._store("detectors", detectors.detectors(self.models, self.clips, scales, prompt))
        add_detector_sections(self._add_section, rows)

    def sources(self) -> None:
        rows = self._store("sources", source_kinds(self.models.preset.pruning))
        text = (
            "Synthetic clips of 16 by 9 tokens, the preset's threshold, detector anchor: keep ratio, mean and largest "
            "of a latent frame, without the first; estimated noise in levels of 255."
        )
        self._add_section("What real sources do", text, rows)

    def long_run(self, minutes: float) -> None:
        style = next((s for s in self.models.preset.styles if s.name in self.targets), self.models.preset.styles[0])
        clip = self.clips[-1]
        target = self.targets.get(style.name)
        rows = self._store("long", long_run.long_run(self.models, clip, style, target, minutes))
        picture = curves({style.name: _series(rows, "second", "psnr_db")}, "second", "PSNR, dB")
        against = "the style's classical target" if target else "the first loop"
        self._add_section("Long run", f"{clip.name} in a loop, pruned, against {against}.", rows, [picture])

    def limits(self) -> None:
        """Check the bundled model's limits whose parts were measured."""
        rows = limits.limits(self.rows.get("looks", []), self.rows.get("long", []), limits.read_motions(self.paths))
        if rows:
            text = (
                f"Pruned at the preset's thresholds, {size_name(self.models.preset.stream)}, {self.models.precision}."
            )
            self._add_section("Limits", text, self._store("limits", rows))

    def write(self, folder: Path) -> None:
        """Write report.json and report.html."""
        preset = self.models.preset.name
        model = {"preset": preset, "size": size_name(self.models.preset.stream), "dtype": str(self.models.precision)}
        result = {"machine": self.machine, **model, "clips": [clip.name for clip in self.clips], **self.rows}
        (folder / "report.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        notes = [f"{name}: {value}" for name, value in self.machine.items()]
        write_page(folder / "report.html", f"Quality of the preset {preset}", notes, self.sections)

    def _store(self, name: str, rows: list[Row]) -> list[Row]:
        self.rows[name] = rows
        return rows

    def _add_section(self, title: str, text: str, rows: Sequence[Row] = (), pictures: Sequence[str] = ()) -> None:
        self.sections.append(Section(title, text, rows, pictures))
        print(f"\n{title}: {text}")
        if rows:
            print(" ".join(f"{name:>18}" for name in rows[0]))
        for row in rows:
            cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()]
            print(" ".join(f"{cell:>18}" for cell in cells))

    def _strips(self) -> Section:
        styles = self.models.preset.styles[:STRIP_STYLES]
        pictures = [self._strip(clip, styles) for clip in self.clips[:STRIP_CLIPS]]
        names = ", ".join(style.name for style in styles)
        text = f"Source, {names}; last: computed (orange) and reused (blue) tokens."
        return Section("Pictures", text, (), pictures)

    def _strip(self, clip: Clip, styles: Sequence[PresetStyle]) -> str:
        """The source's middle frame, its edits, and the last edit's keep mask."""
        at = len(clip.frames) // 2
        base = default_parameters(self.models.preset)
        part = Clip(clip.name, clip.frames[: at + self.models.preset.stream.frames_per_block])
        edited = [edit_clip(self.models, part, merge(base, {"prompt": style.prompt})) for style in styles]
        shown = [part.frames[at].permute(1, 2, 0).numpy()]
        shown += [(item.frames[at].permute(1, 2, 0) * 255).byte().numpy() for item in edited]
        return strip([*shown, tint_by_keep_mask(shown[-1], edited[-1].keep[at].numpy())])


def _series(rows: Sequence[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    return [_number(row, x) for row in rows], [_number(row, y) for row in rows]


def _number(row: Row, name: str) -> float:
    value = row[name]
    assert isinstance(value, (int, float))
    return float(value)
