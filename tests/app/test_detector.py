from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from maskwatch import MaskDetector, MaskState, SourceError, UsageError
from maskwatch.data.drawing import MaskStyle, Placement, draw_mask
from maskwatch.types import Faces, Image
from tests.conftest import ASTRONAUT_BOX, LANDMARKS, FixedDetector

SURE_STATES = [
    (None, MaskState.NO_MASK),
    (Placement.WORN, MaskState.MASK),
    (Placement.NOSE_OUT, MaskState.INCORRECT),
    (Placement.CHIN, MaskState.INCORRECT),
]


@pytest.fixture(scope="module")
def detector() -> MaskDetector:
    return MaskDetector(detector=FixedDetector())


@pytest.mark.parametrize(("placement", "state"), SURE_STATES)
def test_the_states_of_a_real_face(
    detector: MaskDetector, astronaut: Image, placement: Placement | None, state: MaskState
) -> None:
    image = (
        astronaut if placement is None else draw_mask(astronaut, LANDMARKS, placement, MaskStyle())
    )
    (face,) = detector(image)
    assert face.state is state
    assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert face.box.tolist() == ASTRONAUT_BOX


@pytest.mark.parametrize(("placement", "state"), SURE_STATES)
def test_without_any_file_haar_finds_it_too(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    astronaut: Image,
    placement: Placement | None,
    state: MaskState,
) -> None:
    monkeypatch.setenv("MASKWATCH_MODELS", str(tmp_path))
    image = (
        astronaut if placement is None else draw_mask(astronaut, LANDMARKS, placement, MaskStyle())
    )
    assert [face.state for face in MaskDetector(detector="haar")(image)] == [state]


def test_fast_takes_states_from_the_detectors_own_pass(astronaut: Image) -> None:
    fast = MaskDetector(mode="fast", unknown=0)
    (face,) = fast(astronaut)
    assert face.state is MaskState.NO_MASK
    assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
    worn = draw_mask(astronaut, LANDMARKS, Placement.WORN, MaskStyle())
    assert [face.state for face in fast(worn)] == [MaskState.MASK]
    assert "_classifier" not in vars(fast), "the classifier is not opened for nothing"
    given = fast.classify(astronaut, [ASTRONAUT_BOX])
    accurate = MaskDetector(unknown=0).classify(astronaut, [ASTRONAUT_BOX])
    assert given.probabilities == pytest.approx(accurate.probabilities)


def test_fast_needs_a_detector_that_tells_states() -> None:
    with pytest.raises(UsageError, match="only the detector maskwatch gives them"):
        MaskDetector(mode="fast", detector="haar")
    with pytest.raises(UsageError, match="mode must be accurate or fast, got 'quick'"):
        MaskDetector(mode="quick")


def test_a_wrong_classifier_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="no classifier is called"):
        MaskDetector(classifier="best")
    MaskDetector(classifier="best", mode="fast")


def test_tiles_are_a_setting(astronaut: Image) -> None:
    seen: list[tuple[int, ...]] = []

    class Watched(FixedDetector):
        def detect(self, images: Sequence[Image]) -> list[Faces]:
            seen.extend(image.shape[:2] for image in images)
            return [Faces.empty() for _ in images]

    MaskDetector(detector=Watched(), tiles=2)(astronaut)
    # The whole, four tiles that overlap, and once more with a border, as nothing was found.
    assert seen[:5] == [(512, 512), *[(293, 293)] * 4]
    assert len(seen) == 6
    with pytest.raises(UsageError, match="--tiles must be between 1 and 16"):
        MaskDetector(tiles=0)


def test_pictures_of_each_kind(detector: MaskDetector, astronaut: Image, photo: Path) -> None:
    from_array = detector(astronaut).probabilities
    assert detector(Pillow.fromarray(astronaut)).probabilities == pytest.approx(from_array)
    assert detector(photo).probabilities == pytest.approx(from_array, abs=0.1)
    assert detector(str(photo)).states.tolist() == detector(photo).states.tolist()


def test_classify_keeps_the_order_and_drops_none(detector: MaskDetector, astronaut: Image) -> None:
    boxes = [[0, 0, 3, 3], ASTRONAUT_BOX, [-50, -50, 40, 40], [400, 400, 900, 900]]
    faces = detector.classify(astronaut, boxes)
    assert faces.boxes.tolist() == boxes
    assert faces.states[0] == "unknown"
    assert faces.states[1] == "no_mask"


def test_classify_of_nothing(detector: MaskDetector, astronaut: Image) -> None:
    assert len(detector.classify(astronaut, [])) == 0
    assert len(detector.classify(astronaut, np.zeros((0, 4)))) == 0


@pytest.mark.parametrize(
    "boxes", [[1, 2, 3, 4], [[1, 2, 3]], [[5, 5, 1, 9]], [[0, 0, float("nan"), 1]]]
)
def test_classify_refuses_what_are_no_boxes(
    detector: MaskDetector, astronaut: Image, boxes: list[list[float]]
) -> None:
    with pytest.raises(ValueError, match="expected boxes"):
        detector.classify(astronaut, boxes)


def test_unknown_is_a_setting(astronaut: Image) -> None:
    always = MaskDetector(detector=FixedDetector(), unknown=1.0)
    never = MaskDetector(detector=FixedDetector([[0, 0, 4, 4]]), unknown=0)
    assert [face.state for face in always(astronaut)] == [MaskState.UNKNOWN]
    assert all(face.state is not MaskState.UNKNOWN for face in never(astronaut))


def test_missing_picture(detector: MaskDetector, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none.jpg"):
        detector(tmp_path / "none.jpg")


def test_no_picture_at_all(detector: MaskDetector) -> None:
    with pytest.raises(TypeError, match="expected a path"):
        detector(None)


def test_stream_goes_on_after_a_bad_picture(detector: MaskDetector, photo: Path) -> None:
    (photo.parent / "a-bad.jpg").write_text("text")
    bad, good = detector.stream(photo.parent)
    assert bad.error is not None
    assert len(bad.faces) == 0
    assert (good.path, good.frame, good.time, good.error) == (str(photo), 0, 0.0, None)
    assert [face.state for face in good.faces] == [MaskState.NO_MASK]


def test_a_run_folder_is_a_classifier(astronaut: Image) -> None:
    from maskwatch.models.catalogue import SHIPPED

    detector = MaskDetector(detector=FixedDetector(), classifier=str(SHIPPED / "standard"))
    assert len(detector(astronaut)) == 1


@pytest.mark.parametrize(
    "changes", [{"detector": "yolo"}, {"classifier": "best"}, {"score": 3}, {"device": "cuda"}]
)
def test_wrong_settings(changes: dict[str, object]) -> None:
    import onnxruntime

    if changes.get("device") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a GPU here")
    with pytest.raises(UsageError):
        MaskDetector(**changes)
