"""Faces judged, figures, charts and reports; comparisons and their gate."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from maskwatch.app.settings import Settings
from maskwatch.data.choices import Judged, Missed, Which, Without
from maskwatch.data.finding import Finding
from maskwatch.data.labelled import LabelledPicture, LabelledSet, only_part
from maskwatch.errors import SourceError, UsageError
from maskwatch.evaluation import html
from maskwatch.evaluation.compare import (
    Latency,
    gaps,
    mcnemar,
    ranked,
    table_of,
    verdict,
)
from maskwatch.evaluation.comparison import write_comparison
from maskwatch.evaluation.end_to_end import in_words, measure, write_end_to_end
from maskwatch.evaluation.faces import LabelledFaces, judged
from maskwatch.evaluation.intervals import share_interval
from maskwatch.evaluation.metrics import calibration_error, counted, reliability
from maskwatch.evaluation.report import Evaluation, write_report
from maskwatch.evaluation.run import Asking, evaluate_all, leaks_between
from maskwatch.evaluation.summary import lowered, slices_of, summary_of
from maskwatch.images import decode, encode
from maskwatch.types import Floats, Image, MaskState
from tests.conftest import ASTRONAUT_BOX, FixedDetector

M, N, W = MaskState.MASK, MaskState.NO_MASK, MaskState.INCORRECT


def faces_of(truth: list[int], path: Path = Path("a.png"), **changes: object) -> LabelledFaces:
    n = len(truth)
    boxes = np.tile(np.array([[4, 4, 40, 40]], np.float32), (n, 1))
    values: dict[str, object] = {
        "paths": (path,) * n,
        "truth": np.array(truth),
        "boxes": boxes,
        "pictures": np.arange(n),
        "parts": ("all",) * n,
        "brightness": np.full(n, 120, np.float32),
        "sharpness": np.arange(n, dtype=np.float32),
        "at_edge": np.zeros(n, bool),
    }
    return LabelledFaces(**(values | changes))  # type: ignore[arg-type]


def sure(told: list[int], p: float = 0.9) -> Floats:
    table = np.full((len(told), 3), (1 - p) / 2, np.float32)
    table[np.arange(len(told)), told] = p
    return table


def evaluation(name: str, faces: LabelledFaces, told: list[int]) -> Evaluation:
    table = sure(told)
    return Evaluation(
        {"name": name, "file_bytes": 10**6},
        Path("nowhere"),
        {},
        "set",
        faces,
        table,
        summary_of(faces, table),
    )


def test_every_face_is_judged_once(tmp_path: Path, photo: Path) -> None:
    boxes = np.array([ASTRONAUT_BOX, [0, 0, 8, 8], [400, 0, 512, 90]], np.float32)
    pictures = [
        LabelledPicture(photo, boxes, (N, M, MaskState.UNKNOWN), "test"),
        LabelledPicture(photo, None, (W,), "val"),
        LabelledPicture(tmp_path / "gone.jpg", None, (M,)),
    ]
    asked = []

    def judge(image: Image, boxes: Floats) -> Floats:
        asked.append(boxes)
        return sure([1] * len(boxes))

    faces, (table,) = judged(pictures, [judge], FixedDetector())
    assert faces.truth.tolist() == [1, 0, 2]
    assert faces.parts == ("test", "test", "val")
    assert faces.pictures.tolist() == [0, 0, 1]
    assert faces.at_edge.tolist() == [False, True, False]
    assert faces.boxes[2].tolist() == ASTRONAUT_BOX, "the detector's, where nothing is labelled"
    assert table.shape == (3, 3)
    assert len(faces.errors) == 1
    large, _ = judged(
        pictures, [judge], FixedDetector([]), Finding(without=Without.WHOLE, min_face=20)
    )
    assert large.truth.tolist() == [1, 2]
    assert large.boxes[1].tolist() == [0, 0, 512, 512], "or the whole picture"
    with pytest.raises(SourceError, match="no labelled face"):
        judged(pictures[2:], [judge], FixedDetector())


def test_photos_in_which_no_face_is_found_count_as_wrong(
    tmp_path: Path, photo: Path, astronaut: Image
) -> None:
    """The astronaut twice, and a wall."""
    encode(astronaut[:, ::-1], tmp_path / "again.png")
    encode(np.full((90, 80, 3), 90, np.uint8), tmp_path / "wall.png")
    paths = (photo, tmp_path / "again.png", tmp_path / "wall.png")
    photos = LabelledSet(tmp_path, "folders", tuple(LabelledPicture(p, None, (N,)) for p in paths))
    settings = Settings(detector="maskwatch", threads=1, device="cpu")
    (whole,) = evaluate_all(["small"], photos, settings)
    assert whole.summary["without_face"] == 0
    (done,) = evaluate_all(["small"], photos, settings, Asking(missed=Missed.WRONG))
    got = done.summary
    assert (got["faces"], got["without_face"]) == (3, 1)
    assert got["accuracy"]["value"] == pytest.approx(2 / 3)
    assert got["classes"]["no_mask"]["recall"] == pytest.approx(2 / 3)
    assert got["classes"]["no_mask"]["precision"] == 1
    assert got["confusion"][1] == [0, 2, 0, 1]
    (plain,) = evaluate_all(["small"], photos, settings, Asking(which=Judged.PICTURE))
    assert plain.faces.boxes.tolist() == [[0, 0, 512, 512], [0, 0, 512, 512], [0, 0, 80, 90]]
    write_report(done, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "In 1 pictures no face was found: they count as wrong." in page
    assert "the largest face that maskwatch finds, a picture without a face counts" in page
    nowhere = replace(photos, pictures=photos.pictures[2:])
    with pytest.raises(SourceError, match="no face was found in any of 1 pictures"):
        evaluate_all(["small"], nowhere, settings, Asking(missed=Missed.WRONG))


def test_every_face_of_a_photo(photo: Path) -> None:
    two = FixedDetector([ASTRONAUT_BOX, [0, 0, 300, 280]])
    faces, _ = judged(
        [LabelledPicture(photo, None, (W,))],
        [lambda _, boxes: sure([2] * len(boxes))],
        two,
        Finding(which=Which.ALL),
    )
    assert faces.truth.tolist() == [2, 2]
    assert faces.pictures.tolist() == [0, 0]


def test_a_state_that_is_told_but_never_labelled() -> None:
    got = summary_of(faces_of([0, 0, 1, 1]), sure([0, 0, 1, 2]))
    assert got["averages"]["macro"]["f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    words = lowered(got)
    assert words is not None
    assert words.startswith("No face is labelled incorrect, but some are told so")
    assert words.endswith("the mean F1 is 0.833.")
    assert lowered(summary_of(faces_of([0, 1]), sure([0, 1]))) is None


def test_figures_by_hand() -> None:
    # Of four masks three are told; one bare face of two is called a mask.
    truth, told = [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 1]
    got = summary_of(faces_of(truth), sure(told), beta=2)
    assert got["accuracy"]["value"] == pytest.approx(4 / 6)
    assert got["accuracy"]["low"] < 4 / 6 < got["accuracy"]["high"]
    assert set(got["classes"]) == {"mask", "no_mask"}
    mask = got["classes"]["mask"]
    assert (mask["precision"], mask["recall"], mask["support"]) == (0.75, 0.75, 4)
    assert mask["f1"] == mask["f_beta"] == pytest.approx(0.75)
    assert got["classes"]["no_mask"]["recall"] == 0.5
    assert got["averages"]["macro"]["recall"] == pytest.approx(0.625)
    assert got["balanced_compliance"]["value"] == pytest.approx(0.625)
    assert got["confusion"] == [[3, 1, 0], [1, 1, 0], [0, 0, 0]]
    json.dumps(got, allow_nan=False)


def test_what_is_all_right_has_an_interval_still() -> None:
    got = summary_of(faces_of([0, 1] * 20), sure([0, 1] * 20))
    assert got["accuracy"]["value"] == got["accuracy"]["high"] == 1
    assert got["accuracy"]["low"] == pytest.approx(40 / (40 + 3.8415), abs=1e-4)
    assert share_interval(0.5, 100)[0] == pytest.approx(0.4038, abs=1e-3)


def test_intervals_of_rare_states() -> None:
    truth = [0] * 500 + [1] * 495 + [2] * 5
    got = summary_of(faces_of(truth), sure(truth))["classes"]
    rare = got["incorrect"]
    assert (rare["f1"], rare["f1_high"]) == (1, 1)
    assert rare["f1_low"] == pytest.approx(5 / (5 + 3.8415), abs=1e-3)
    assert got["mask"]["f1_low"] > 0.99
    missed = summary_of(faces_of(truth), sure([0] * 500 + [1] * 500))["classes"]["incorrect"]
    assert missed["f1"] == missed["f1_low"] == 0
    assert missed["f1_high"] > 0.4


def test_slices() -> None:
    n = 12
    faces = faces_of(
        [0] * n,
        parts=("train",) * 6 + ("test",) * 6,
        brightness=np.repeat(np.array([20, 240], np.float32), 6),
        at_edge=np.arange(n) < 6,
    )
    rows = {(r["slice"], r["value"]): r for r in slices_of(faces, sure([0] * 6 + [1] * 6))}
    assert rows["part", "train"]["accuracy"] == 1
    assert rows["light", "bright"]["accuracy"] == 0
    assert rows["frame", "cut by its edge"]["faces"] == 6
    assert rows["size", "24 to 48 px"]["faces"] == 12
    assert ("light", "middle") not in rows
    assert ("sharpness", "blurriest quarter") not in rows, "three faces are too few"


def test_reliability_is_what_the_error_is_made_of() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet([2, 1, 1], 300).astype(np.float32)
    truth = rng.integers(0, 3, 300)
    confidence, right = reliability(truth, table)
    assert float(np.abs(confidence - right).mean()) == pytest.approx(
        calibration_error(truth, table), abs=1e-5
    )
    assert counted(truth, table).sum() == 300


def test_a_report(tmp_path: Path, photo: Path) -> None:
    faces = faces_of([0, 0, 0, 1, 1, 2], photo, errors=("x.jpg is <damaged>",))
    done = evaluation("mine<", faces, [0, 0, 1, 1, 1, 0])
    done.summary["leaks"] = {"pictures": 6, "exact": 1, "near": 2}
    write_report(done, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "<h1>mine&lt; on set</h1>" in page
    assert "3 of 6 pictures (50.0%) have a twin" in page
    assert page.count("data:image/png;base64,") == 7
    assert "http" not in page.replace("http-equiv", "")
    told = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert told["accuracy"]["value"] == pytest.approx(4 / 6)
    assert decode(tmp_path / "report" / "wrong.png").shape == (112 + 34, 1120, 3)
    write_report(done, tmp_path / "public", public=True)
    assert not (tmp_path / "public" / "wrong.png").exists()
    assert "damaged" not in (tmp_path / "public" / "metrics.json").read_text()


def test_html_is_escaped() -> None:
    assert html.table(["<a>"], [["<b>", 0.12345, None, 3]]).count("&lt;") == 2
    assert html.shown(0.12345) == "0.123"
    assert (html.shown(2388098), html.shown(1234.5678)) == ("2,388,098", "1,234.6")
    assert html.paragraph("a & b", "warning") == '<p class="warning">a &amp; b</p>'


def test_the_second_is_worse_beyond_chance() -> None:
    truth = [0, 1] * 60
    faces = faces_of(truth)
    good = evaluation("good", faces, truth)
    bad = evaluation("bad", faces, [1 if i < 40 else t for i, t in enumerate(truth)])
    found = {gap.figure: gap for gap in gaps(good, bad)}
    assert set(found) == {"accuracy", "F1 mask", "F1 no_mask"}
    assert found["accuracy"].is_worse
    assert not found["accuracy"].is_better
    assert not any(gap.is_worse for gap in gaps(good, good))
    assert mcnemar(good, bad) == pytest.approx(
        {"first_alone": 20, "second_alone": 0, "p": 2 * 0.5**20}
    )
    assert [one.model["name"] for one in ranked([bad, good])] == ["good", "bad"]
    # Forty faces of one crowd are one picture's evidence.
    crowd = faces_of(truth, pictures=np.r_[np.arange(80), np.full(40, 99)])
    first = evaluation("first", crowd, truth)
    second = evaluation("second", crowd, truth[:80] + [1 - t for t in truth[80:]])
    assert mcnemar(first, second)["p"] < 1e-9
    assert "cannot be told apart" in verdict([first, second])
    assert verdict([bad, good]).startswith("good is better than bad: of 120 faces, 20")
    assert "cannot be told apart" in verdict([good, good])
    assert verdict([bad, good, good]).endswith("Less accurate than good beyond chance: bad.")
    with pytest.raises(UsageError, match="two classifiers"):
        verdict([good])
    with pytest.raises(UsageError, match="same faces"):
        gaps(good, evaluation("other", faces_of(truth), truth))


def test_one_face_or_one_picture_shows_nothing_beyond_chance() -> None:
    truth = [0] * 100 + [2]
    faces = faces_of(truth)
    first = evaluation("first", faces, [1] * 10 + [0] * 90 + [2])
    second = evaluation("second", faces, [0] * 101)
    found = {gap.figure: gap for gap in gaps(first, second)}
    assert found["accuracy"].is_better
    assert not found["F1 incorrect"].is_worse
    crowd = faces_of([0] * 20, pictures=np.zeros(20, np.int64))
    whole = evaluation("whole", crowd, [0] * 20)
    assert not gaps(whole, evaluation("one", crowd, [0] * 19 + [1]))[0].is_worse
    # Six pictures that all lose their wrongly worn mask are more than chance.
    six = faces_of([0] * 60 + [2] * 6)
    lost = gaps(evaluation("a", six, [0] * 60 + [2] * 6), evaluation("b", six, [0] * 66))
    assert {gap.figure: gap.is_worse for gap in lost}["F1 incorrect"]


def test_a_comparison(tmp_path: Path, photo: Path) -> None:
    faces = faces_of([0, 1, 2], photo)
    done = [evaluation("a", faces, [0, 1, 2]), evaluation("b/run", faces, [0, 1, 1])]
    rows = table_of(done, [Latency(1.0, 0.5), Latency(2.0, 1.0)])
    assert rows[1]["F1 incorrect"] == 0
    assert rows[0]["MB"] == 1.0
    against = {"b/run": gaps(*done)}
    write_comparison(done, rows, against, verdict(done), tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "b/run against a" in page
    assert decode(tmp_path / "out" / "montage.png").shape[1] == 7 * 160
    write_comparison(done, rows, against, "x", tmp_path / "public", public=True)
    assert not (tmp_path / "public" / "montage.png").exists()


@pytest.fixture
def labelled(tmp_path: Path, astronaut: Image) -> LabelledSet:
    """The astronaut three times, labelled bare, and a picture without anybody."""
    pictures = []
    for number in range(3):
        path = tmp_path / "set" / f"{number}.png"
        encode(np.roll(astronaut, 9 * number, axis=1), path)
        box = np.array([ASTRONAUT_BOX], np.float32)
        box[:, [0, 2]] += 9 * number
        pictures.append(LabelledPicture(path, box, (N,), "test"))
    encode(np.full((64, 64, 3), 90, np.uint8), tmp_path / "set" / "nobody.png")
    pictures.append(LabelledPicture(tmp_path / "set" / "nobody.png", np.zeros((0, 4)), (), "test"))
    return LabelledSet(tmp_path / "set", "coco", tuple(pictures))


def test_shipped_classifiers_on_a_set(labelled: LabelledSet) -> None:
    settings = Settings(detector="maskwatch", threads=1, device="cpu")
    standard, small = evaluate_all(["standard", "small"], labelled, settings)
    assert standard.summary["accuracy"]["value"] == small.summary["accuracy"]["value"] == 1
    assert standard.faces is small.faces
    assert standard.model["file_bytes"] > small.model["file_bytes"]
    assert only_part(labelled, "test").pictures == labelled.pictures
    with pytest.raises(UsageError, match="no part 'val'; it has test"):
        only_part(labelled, "val")


def test_leaks_between_a_folder_and_a_set(labelled: LabelledSet, tmp_path: Path) -> None:
    pytest.importorskip("imagehash")
    encode(decode(labelled.pictures[0].path), tmp_path / "trained" / "x.png")
    got = leaks_between(tmp_path / "trained", labelled)
    assert got["pictures"] == 4
    assert got["exact"] == 1
    with pytest.raises(SourceError, match="no folder with pictures"):
        leaks_between(tmp_path / "none", labelled)


def test_end_to_end(labelled: LabelledSet, tmp_path: Path) -> None:
    settings = Settings(detector="maskwatch", threads=1, device="cpu")
    got = measure(labelled, settings)
    assert (got["pictures"], got["faces"]) == (4, 3)
    assert got["found"] == got["right_of_all"] == got["right_of_found"] == 1
    assert got["average_precision"]["value"] == pytest.approx(1)
    assert got["states"]["no_mask"]["average_precision"] == pytest.approx(1)
    assert got["states"]["mask"]["average_precision"] is None
    assert sum(row["faces"] for row in got["recall_by_size"]) == 3
    write_end_to_end(got, tmp_path / "report")
    assert "End to end on set" in (tmp_path / "report" / "index.html").read_text()
    # A face that the set leaves out is neither missed nor wrong to find.
    first, *others = [p for p in labelled.pictures if p.boxes is not None and len(p.boxes)]
    none = np.zeros((0, 4), np.float32)
    for ignored, false in ((first.boxes, 0), (none, 1 / 3)):
        hidden = replace(first, boxes=none, states=(), ignored=ignored)
        less = measure(replace(labelled, pictures=(hidden, *others)), settings)
        assert (less["faces"], less["found"]) == (2, 1)
        assert less["false_boxes_a_picture"] == pytest.approx(false)
    # Labels that are drawn twice as wide are missed, but not by much.
    wide = tuple(
        replace(p, boxes=None if p.boxes is None else p.boxes + np.float32([-35, -35, 35, 35]))
        for p in labelled.pictures[:3]
    )
    loose = measure(replace(labelled, pictures=wide), settings)
    assert (loose["found"], loose["found_loosely"]) == (0, 1)
    assert "drawn wider or tighter" in in_words(loose)
    far = tuple(
        replace(p, boxes=np.full((1, 4), [0, 0, 9, 9], np.float32), states=(N,)) for p in wide
    )
    with pytest.raises(SourceError, match="no readable face of 12 pixels"):
        measure(replace(labelled, pictures=far), settings)
    whole = LabelledPicture(labelled.pictures[0].path, None, (N,))
    with pytest.raises(UsageError, match="has no boxes"):
        measure(replace(labelled, pictures=(whole,)), settings)
