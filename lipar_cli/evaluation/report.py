"""The whole evaluation: runs the parts, says what they found, keeps rows for JSON and sections for the page."""

import json
from collections.abc import Sequence
from pathlib import Path

from lipar_cli.clips import Clip, edit, read_clip
from lipar_cli.evaluation import autoencoder, detectors, fidelity, limits, long_run, pruning, vbench
from lipar_cli.evaluation.faces import load_faces
from lipar_cli.evaluation.looks import face_counts, looks
from lipar_cli.evaluation.page import Section, curves, strip, write_page
from lipar_cli.evaluation.quality import load_lpips
from lipar_cli.evaluation.summary import Row, means
from lipar_cli.measure import machine
from lipar_cli.overlay import tinted
from lipar_core.config import PresetStyle, default_parameters
from lipar_core.models import Models
from lipar_core.parameters import merge
from lipar_core.sizes import size_name

CURVES = {"psnr_db": "PSNR to unpruned, dB", "ssim": "SSIM to unpruned", "flicker_ratio": "flicker ratio"}
STRIP_CLIPS, STRIP_STYLES = 3, 3


class Report:
    """One run of `lipar eval`."""

    def __init__(self, models: Models, paths: Sequence[Path], frames: int) -> None:
        self.models, self.paths = models, paths
        self.clips = [read_clip(path, models, frames) for path in paths]
        self.targets = fidelity.targets_of(models.preset)
        self.lpips, self.lpips_note = load_lpips()
        self.machine = machine(models.device)
        self.rows: dict[str, list[Row]] = {}
        self.sections = [self._strips()]
        print("\n".join(f"{name}: {value}" for name, value in self.machine.items()))

    def autoencoder(self) -> None:
        rows = self._keep("autoencoder", autoencoder.autoencoder(self.models, self.clips))
        text = "The source through encoder and decoder alone; flicker in levels of 255, where the source does not move."
        self._tell("Autoencoder", text, [*rows, {"clip": "mean"} | means(rows)[0]])

    def fidelity(self) -> None:
        if not self.targets:
            self._tell("Styles", "Left out: no style of this preset has a classical target.")
            return
        rows = self._keep("fidelity", fidelity.fidelity(self.models, self.clips, self.targets))
        text = "Unpruned output against the style's classical target; right: share of frames nearest to it of all."
        by_style = means(rows, ["style"])
        self._tell("Styles", text, [*by_style, {"style": "mean"} | means(rows)[0]])

    def looks(self) -> None:
        if not self.targets:
            self._tell("Looks", "Left out: no style of this preset has a classical target.")
            return
        faces, faces_note = load_faces()
        found = looks(self.models, self.clips, self.targets, faces, self.lpips)
        rows = self._keep("looks", found.rows)
        text = (
            "Pruned output at the preset's thresholds. grid: gradient across borders of tokens over gradient "
            "elsewhere; flicker in levels of 255, where the source does not move. Below: source, target, output of "
            f"every style, clips with most faces first. {faces_note}. {self.lpips_note}."
        )
        counts = face_counts(rows) if faces else {}
        by_style = [row | counts.get(str(row["style"]), {}) for row in means(rows, ["style"])]
        self._tell("Looks", text, by_style, [strip([sheet]) for sheet in found.sheets])

    def pruning(self, prompts: list[str], scales: Sequence[float]) -> None:
        settings = pruning.scaled(self.models.preset, scales)
        rows = self._keep("pruning", pruning.pruning(self.models, self.clips, prompts, settings, self.lpips))
        tau = self.models.preset.pruning.tau
        at_default = [row for row in rows if row["tau"] == tau] or rows
        overall = means(rows, ["arm", "tau"])
        by_arm = {arm: [row for row in overall if row["arm"] == arm] for arm in pruning.ARMS}
        pictures = [
            curves({arm: _series(found, "kept", name) for arm, found in by_arm.items()}, "share computed", label)
            for name, label in CURVES.items()
        ]
        asked = ", ".join(prompts)
        text = f"Pruned output against unpruned output, same seed. {self.lpips_note}. Prompts: {asked}."
        self._tell("Pruning", text, overall, pictures)
        self._tell("Pruning at the preset's thresholds, by clip", f"tau {tau}", means(at_default, ["clip", "arm"]))
        text = (
            "dB over naive pruning at the same masks, mean over prompts: PSNR of the whole picture, the same if "
            "recovery were perfect (what is computed comes out as if nothing was pruned), and PSNR of what is computed "
            "alone."
        )
        if worth := pruning.recovery(rows, tau):
            self._tell("What attention recovery is worth", text, self._keep("recovery", worth))

    def vbench(self, prompt: str) -> None:
        program = vbench.find_vbench()
        if program is None:
            self._tell("VBench", vbench.ABSENT)
            return
        ours = merge(default_parameters(self.models.preset), {"prompt": prompt})
        arms = {"unpruned": merge(ours, {"pruning": {"enabled": False}}), ours.pruning.detector: ours}
        films = {arm: {c.name: edit(self.models, c, chosen).frames for c in self.clips} for arm, chosen in arms.items()}
        rows, note = vbench.score(program, films)
        self._tell("VBench", note, self._keep("vbench", rows))

    def detectors(self, scales: Sequence[float]) -> None:
        settings = pruning.scaled(self.models.preset, scales)
        rows = self._keep("detectors", detectors.detectors(self.models, self.clips, settings))
        overall = means(rows, ["noise", "tau", "threshold"])
        pictures = []
        for title, group in [("mean", overall), *((clip.name, _of(rows, "clip", clip.name)) for clip in self.clips)]:
            for sigma in detectors.NOISES:
                found = _of(group, "noise", sigma)
                series = {name: _series(found, f"{name}_kept", f"{name}_db") for name in detectors.ARMS}
                named = f"{title}, noise {sigma:g}"
                pictures.append(curves(series, "share of tokens kept", "PSNR of stale source, dB", named))
        text = (
            "PSNR of the source with every token as it was when last kept, to the source, and its worst tokens' RMS "
            "error in levels of 255: the anchor rule, the paper's detector as bounded here, the published one (looks "
            "one frame ahead, bounds no drift) and difference of pixels; the last two keep as much as the second."
        )
        self._tell("The detector as a codec, means", text, overall)
        text = "Clips as they are, and with noise of 5 levels."
        self._tell("The detector as a codec", text, rows, pictures)

    def long_run(self, minutes: float) -> None:
        style = next((s for s in self.models.preset.styles if s.name in self.targets), self.models.preset.styles[0])
        clip, target = self.clips[-1], self.targets.get(style.name)
        rows = self._keep("long", long_run.long_run(self.models, clip, style, target, minutes))
        picture = curves({style.name: _series(rows, "second", "psnr_db")}, "second", "PSNR, dB")
        against = "the style's classical target" if target else "the first time round"
        self._tell("Long run", f"{clip.name} in a loop, pruned, against {against}.", rows, [picture])

    def limits(self) -> None:
        """What of the bundled model's limits was measured, each line passed or not."""
        rows = limits.limits(self.rows.get("looks", []), self.rows.get("long", []), limits.read_motions(self.paths))
        if rows:
            text = f"Pruned at the preset's thresholds, {size_name(self.models.preset)}, {self.models.precision}."
            self._tell("Limits", text, self._keep("limits", rows))

    def write(self, folder: Path) -> None:
        """Write report.json and report.html."""
        preset = self.models.preset.name
        model = {"preset": preset, "size": size_name(self.models.preset), "dtype": str(self.models.precision)}
        result = {"machine": self.machine, **model, "clips": [clip.name for clip in self.clips], **self.rows}
        (folder / "report.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        notes = [f"{name}: {value}" for name, value in self.machine.items()]
        write_page(folder / "report.html", f"Quality of the preset {preset}", notes, self.sections)

    def _keep(self, name: str, rows: list[Row]) -> list[Row]:
        self.rows[name] = rows
        return rows

    def _tell(self, title: str, text: str, rows: Sequence[Row] = (), pictures: Sequence[str] = ()) -> None:
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
        text = f"Source, {names}; last what was computed (orange) and what was reused (blue)."
        return Section("Pictures", text, (), pictures)

    def _strip(self, clip: Clip, styles: Sequence[PresetStyle]) -> str:
        """The source's middle frame, its edits, and the last edit's keep mask."""
        at, base = len(clip.frames) // 2, default_parameters(self.models.preset)
        part = Clip(clip.name, clip.frames[: at + self.models.preset.stream.frames_per_block])
        edited = [edit(self.models, part, merge(base, {"prompt": style.prompt})) for style in styles]
        shown = [part.frames[at].permute(1, 2, 0).numpy()]
        shown += [(item.frames[at].permute(1, 2, 0) * 255).byte().numpy() for item in edited]
        return strip([*shown, tinted(shown[-1], edited[-1].keep[at].numpy())])


def _of(rows: Sequence[Row], name: str, value: object) -> list[Row]:
    return [row for row in rows if row[name] == value]


def _series(rows: Sequence[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    return [_number(row, x) for row in rows], [_number(row, y) for row in rows]


def _number(row: Row, name: str) -> float:
    value = row[name]
    assert isinstance(value, (int, float))
    return float(value)
