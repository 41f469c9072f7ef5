"""A detection under way on the command line: images looked at, told, drawn and written one by one."""

from __future__ import annotations

import subprocess
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli.detect_collect import Collector
from lenet.cli.detect_images import Images
from lenet.cli.detect_plan import BoxesPlan, Plan
from lenet.cli.detect_results import Writer, folder_name, made
from lenet.cli.detect_windows import found_window
from lenet.cli.detect_words import EblearnWords, Looked, Words
from lenet.data.pictures import Picture
from lenet.dialects.eblearn.boxes import read_boxes
from lenet.dialects.eblearn.detect_files import Results
from lenet.dialects.eblearn.progress import DetectionProgress
from lenet.dialects.eblearn.windows import read_detection_windows
from lenet.errors import LenetError, UsageError
from lenet.formats.conf import write_conf
from lenet.job import DetectionWindows
from lenet.results import Detections

if TYPE_CHECKING:
    from lenet.engine.detect import ScaleMaps


class DetectSession:
    """Tells and writes what a detector finds; in EBLearn's words if `args` ask for them."""

    def __init__(self, plan: Plan | BoxesPlan, args: Namespace) -> None:
        self.plan = plan
        self.allowed: bool = args.allow_shell
        self.results = plan.job.results if plan.job else Results("detections", ("eblearn",))
        self.eblearn = args.log_style == "eblearn"
        folder = folder_name(self.results, _suppresses(plan), args.out)
        forms = self.results.forms
        if not self.eblearn:
            forms = tuple(dict.fromkeys(("eblearn", *forms)))
        background = plan.detector.detection.background if isinstance(plan, Plan) else None
        self.writer = Writer(Path(folder), self.results, forms, args.figures, background)
        self.words = self._words(folder)
        self.collector = self._collector()
        self.labelled = self.right = 0
        self.paths: dict[str, str] = {}  # of the images so far, by name
        self.window = found_window(self._windows_wanted(), self.writer, args.show, args.wait)

    def _windows_wanted(self) -> DetectionWindows:
        return read_detection_windows(self.plan.values) if self.plan.values else DetectionWindows()

    def _words(self, folder: str) -> Words:
        if not self.eblearn or self.plan.values is None:
            return Words()
        progress = DetectionProgress(Path()) if self.results.progress else None
        plan = self.plan if isinstance(self.plan, Plan) else None
        return EblearnWords(self.plan.values, folder, self.results.forms, plan, progress)

    def _collector(self) -> Collector | None:
        if isinstance(self.plan, BoxesPlan) or not self.plan.job or not self.plan.job.collecting:
            return None
        return Collector(self.plan.job.collecting, self.plan.detector.detection, self.writer.folder)

    def begin(self, images: Images) -> None:
        """Make the folder, keep the configuration in it, and say what is about to happen."""
        folder = made(self.writer.folder)
        if self.plan.values is not None:
            conf = self.plan.values.conf
            write_conf(folder / Path(conf.file).name, conf, self.plan.values.resolution.values)
        if self.eblearn:
            made(folder / "video")
        self.words.begin(images)

    def look(
        self, group: Sequence[tuple[Picture, Detections]], maps: Sequence[ScaleMaps], seconds: float
    ) -> None:
        """Tell and write what was found in images that went through the network together."""
        for index, (picture, found) in enumerate(group):
            dumped = self.writer.write_maps(maps, index) if self.results.maps else []
            self._keep(Looked(picture, found, maps, index, seconds / len(group), dumped))
            if picture.label is not None:
                self.labelled += 1
                self.right += bool(found.boxes) and found.boxes[0].label == picture.label

    def _keep(self, looked: Looked) -> None:
        self.paths[looked.picture.name] = looked.picture.path
        self.words.image(looked)
        if self.writer.add(looked.found):
            self.words.saved(self.writer.found)
        self.writer.draw(looked.picture, looked.found, looked.maps, looked.index)
        if self.window:
            self.window.show(looked.picture, looked.found, looked.maps, looked.index)
        if self.results.windows:
            self.writer.write_windows(looked.found, looked.maps, looked.index)
        if self.collector:
            self.collector.add(looked.found, looked.maps, looked.index)
        self.words.done()

    def suppress(self, plan: BoxesPlan) -> None:
        """Suppress the boxes that a file holds, tell and write them.

        Raises: FileError if it holds no boxes.
        """
        from lenet.engine.boxes import suppress

        self.begin(Images(iter(())))
        for image in read_boxes(plan.job.boxes):
            kept = tuple(suppress(image.boxes, plan.job.suppression))
            found = Detections(image.name, image.height, image.width, kept, plan.job.classes)
            self.words.boxes(found)
            self.writer.found.append(found)
            self.paths[found.name] = found.name
        self.end()

    def linger(self) -> None:
        """Leave the window open until the user closes it, if that is wanted."""
        if self.window:
            self.window.linger()

    def end(self) -> None:
        """Write the lists, run the command for evaluation, tell where everything lies.

        Raises: UsageError if that command is not allowed; LenetError if it fails.
        """
        self.words.stopped()
        self.writer.write_lists()
        self.words.saved(self.writer.found)
        if self.collector:
            print(self.collector.close())
        if self.labelled:
            print(f"{self.right} of {self.labelled} labelled samples were answered rightly")
        self.words.end(self.writer.found, self.writer.folder)
        if self.results.command:
            _evaluate(self.results.command, self.writer.folder, self.allowed)


def _suppresses(plan: Plan | BoxesPlan) -> bool:
    """Whether a configuration suppresses boxes."""
    if isinstance(plan, BoxesPlan):
        return plan.job.suppression.kind != "none"
    return plan.job is not None and plan.detector.detection.suppression.kind != "none"


def _evaluate(command: str, folder: Path, allowed: bool) -> None:
    """Run the command of a configuration in the folder of the results."""
    if not allowed:
        raise UsageError(f"'evaluate_cmd' was not run: {command}", hint="--allow-shell allows it")
    print(end="", flush=True)
    done = subprocess.run(command, shell=True, cwd=folder, check=False)
    if done.returncode:
        raise LenetError(f"'evaluate_cmd' failed with status {done.returncode}: {command}")
