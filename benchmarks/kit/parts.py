"""The parts of a video run, each alone on the frames of a clip: seconds for the whole clip.

    python benchmarks/kit/parts.py CLIP THREADS

Nothing overlaps here: decode, then find, then classify, then draw and encode. Frames are decoded
once to be thrown away, which is timed, and once more to be kept in memory for the other parts.
The parts are given what the run gives them: single frames to the face detector, the faces of four
frames to the classifier, and the source's path to the video sink, so that it copies the sound.
Opening models is not counted, nor is one run of each network to warm up. Prints JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TypeVar

from maskwatch.app.settings import Settings
from maskwatch.draw import annotate
from maskwatch.models.classifier import MaskClassifier, open_classifier, states_of
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.sinks.video import VideoSink
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.types import Faces, Frame, Image, Result

T = TypeVar("T")
_GROUP = 4


def main(clip: str, threads: int) -> dict[str, float]:
    """Seconds of each part, and the counts of frames and faces."""
    detector = open_detector(None, DetectorOptions(threads=threads))
    classifier = open_classifier(Settings().classifier, threads=threads)
    decode_s, _ = _timed(lambda: sum(1 for _ in _decoded(clip)))
    frames = [frame for frame in _decoded(clip) if frame.image is not None]
    images = [frame.image for frame in frames if frame.image is not None]
    classifier.probabilities(images[:1], [detector.detect(images[:1])[0].boxes])
    find_s, found = _timed(lambda: [detector.detect([image])[0] for image in images])
    classify_s, faces = _timed(lambda: _classified(classifier, images, found))
    results = [Result(frame, of_frame) for frame, of_frame in zip(frames, faces, strict=True)]
    draw_s, _ = _timed(lambda: _drawn(images, faces))
    write_s, _ = _timed(lambda: _written(results))
    return {
        "decode": decode_s,
        "find": find_s,
        "classify": classify_s,
        "draw": draw_s,
        "draw and encode": write_s,
        "frames": len(frames),
        "faces": sum(len(of_frame) for of_frame in faces),
    }


def _timed(step: Callable[[], T]) -> tuple[float, T]:
    begun = time.perf_counter()
    outcome = step()
    return time.perf_counter() - begun, outcome


def _decoded(clip: str) -> Iterator[Frame]:
    return video_frames(clip, PurePath(Path(clip).name), Stride())


def _classified(classifier: MaskClassifier, images: list[Image], found: list[Faces]) -> list[Faces]:
    judged: list[Faces] = []
    for start in range(0, len(images), _GROUP):
        some = found[start : start + _GROUP]
        boxes = [faces.boxes for faces in some]
        tables = classifier.probabilities(images[start : start + _GROUP], boxes)
        for faces, table in zip(some, tables, strict=True):
            states = states_of(table, faces.boxes, classifier.bundle.unknown)
            judged.append(replace(faces, probabilities=table, states=states))
    return judged


def _drawn(images: list[Image], faces: list[Faces]) -> None:
    for image, of_image in zip(images, faces, strict=True):
        annotate(image, of_image)


def _written(results: list[Result]) -> None:
    with TemporaryDirectory() as folder, VideoSink(Path(folder)) as sink:
        for result in results:
            sink.write(result)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
