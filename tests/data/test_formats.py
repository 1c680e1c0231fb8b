"""Labelled sets in and out of their forms."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskwatch.data.choices import Balance
from maskwatch.data.facts import facts_of
from maskwatch.data.formats import WRITERS, check_form, form_of, read_photos_or_set, read_set
from maskwatch.data.formats.voc import read_voc
from maskwatch.data.formats.yolo import read_yolo
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.parting import Parting, part_set
from maskwatch.errors import SourceError, UsageError
from maskwatch.images import encode
from maskwatch.types import MaskState

M, N, W = MaskState.MASK, MaskState.NO_MASK, MaskState.INCORRECT


@pytest.fixture
def boxed(tmp_path: Path) -> LabelledSet:
    """Three pictures in two parts, two of one name, one without a face."""
    pictures = []
    for n, (name, states) in enumerate([("a/x.png", [M, W]), ("b/x.jpg", [N]), ("c/y.png", [])]):
        path = tmp_path / "in" / name
        encode(np.full((60, 80 + n, 3), 40 * n, np.uint8), path)
        boxes = np.array([[5, 6 + i, 25, 46.5] for i in range(len(states))], np.float32)
        split = "train" if n < 2 else "test"
        pictures.append(LabelledPicture(path, boxes.reshape(-1, 4), tuple(states), split))
    return LabelledSet(tmp_path / "in", "coco", tuple(pictures))


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
@pytest.mark.parametrize("parts", [True, False])
def test_what_was_written_is_read_again(
    tmp_path: Path, boxed: LabelledSet, form: str, parts: bool
) -> None:
    if not parts:
        boxed = replace(boxed, pictures=tuple(replace(p, split=None) for p in boxed.pictures))
    out = tmp_path / "out"
    files = WRITERS[form](boxed, out)
    assert [f.read_bytes() for f in files] == [p.path.read_bytes() for p in boxed.pictures]
    assert form_of(out) == ("parts" if form == "coco" and parts else form)
    again = read_set(out)
    assert (again.form, again.problems) == (form, ())

    def told(labelled: LabelledSet) -> list[object]:
        return sorted((p.split or "", p.states, p.path.read_bytes()) for p in labelled.pictures)

    assert told(again) == told(boxed)
    boxes = {p.path.read_bytes(): p.boxes for p in again.pictures}
    for picture in boxed.pictures:
        got = boxes[picture.path.read_bytes()]
        assert got is not None
        assert picture.boxes is not None
        assert got == pytest.approx(picture.boxes, abs=0.01)


def test_pictures_without_boxes_become_folders_only(tmp_path: Path, boxed: LabelledSet) -> None:
    with pytest.raises(UsageError, match="maskwatch data crop"):
        check_form(boxed, "folders")
    whole = replace(
        boxed, pictures=tuple(LabelledPicture(p.path, None, (M,)) for p in boxed.pictures)
    )
    for form in ("coco", "voc", "yolo"):
        with pytest.raises(UsageError, match="without boxes"):
            check_form(whole, form)
    check_form(whole, "folders")
    WRITERS["folders"](whole, tmp_path / "folders")
    names = sorted(path.name for path in (tmp_path / "folders" / "mask").iterdir())
    assert names == ["x.png", "x_2.jpg", "y.png"]
    assert {p.states for p in read_set(tmp_path / "folders").pictures} == {(M,)}


def lay(folder: Path, *names: str) -> None:
    for name in names:
        encode(np.zeros((8, 8, 3), np.uint8), folder / name)


def test_folders_with_parts_and_any_spelling(tmp_path: Path) -> None:
    lay(tmp_path, "Train/WithMask/a.png", "Train/Non Mask/b.png", "valid/wrong_mask/deep/c.png")
    lay(tmp_path, "Train/.hidden/d.png", "other/e.png")
    (tmp_path / "valid" / "without_mask").mkdir()
    found = read_set(tmp_path)
    told = {(p.path.name, p.split, *p.states) for p in found.pictures}
    assert told == {("a.png", "train", M), ("b.png", "train", N), ("c.png", "val", W)}
    assert found.classes["Non Mask"] is N
    empty, beside = found.problems
    assert empty == f"the class folder {tmp_path / 'valid' / 'without_mask'} has no picture"
    assert beside.startswith(str(tmp_path / "other"))
    assert not found.has_boxes
    assert found.splits == ("train", "val")


def test_what_is_not_read_is_counted(tmp_path: Path) -> None:
    lay(tmp_path, "mask/a.png", "no_mask/b.png")
    for name in ("a.gif", "b.gif", "noname", ".DS_Store"):
        (tmp_path / "mask" / name).write_text("x")
    found = read_set(tmp_path, {"hat": None})
    assert found.problems == (
        f"files in {tmp_path / 'mask'} that are not read as pictures: 2 with .gif, "
        "1 with no suffix",
        "--classes says what 'hat' means, but nothing in the set is labelled so",
    )


def test_unknown_folders_are_told(tmp_path: Path) -> None:
    lay(tmp_path, "mask/a.png", "hat/b.png")
    with pytest.raises(UsageError, match="the class 'hat' is none that is known"):
        read_set(tmp_path)
    found = read_set(tmp_path, {"hat": None})
    assert [p.path.name for p in found.pictures] == ["a.png"]


def test_no_set(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not there"):
        read_set(tmp_path / "none")
    lay(tmp_path, "holiday/a.png")
    with pytest.raises(SourceError, match="holds no labels: expected folders named by class"):
        read_set(tmp_path)
    (tmp_path / "empty" / "mask").mkdir(parents=True)
    with pytest.raises(SourceError, match="no picture with a label"):
        read_set(tmp_path / "empty")


def test_photos_need_no_labels(tmp_path: Path) -> None:
    lay(tmp_path, "holiday/a.png", "b.png", "out/c.png")
    photos = read_photos_or_set(tmp_path, leave_out=tmp_path / "out")
    assert [(p.path.name, p.boxes, p.states) for p in photos] == [
        ("b.png", None, ()),
        ("a.png", None, ()),
    ]
    assert len(read_photos_or_set(tmp_path / "b.png")) == 1
    lay(tmp_path / "set", "mask/d.png")
    assert read_photos_or_set(tmp_path / "set")[0].states == (M,)
    with pytest.raises(SourceError, match="holds no picture"):
        read_photos_or_set(tmp_path / "none")


def test_coco_beside_and_elsewhere(tmp_path: Path) -> None:
    lay(tmp_path, "photos/a.png")
    content = {
        "images": [{"id": "x", "file_name": "a.png"}],
        "categories": [{"id": 0, "name": "faces"}, {"id": 1, "name": "wrong"}],
        "annotations": [
            {"image_id": "x", "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": "x", "category_id": 1, "bbox": [0, 0, 8, 8], "iscrowd": 1},
        ],
    }
    file = tmp_path / "labels" / "file.json"
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    (picture,) = read_set(file, images=tmp_path / "photos").pictures
    assert picture.path == tmp_path / "photos" / "a.png"
    assert picture.boxes is not None
    assert (picture.boxes.tolist(), picture.states) == ([[1, 2, 4, 6]], (W,))
    (tmp_path / "labels" / "a.png").write_bytes(b"")
    assert read_set(file).pictures[0].path == tmp_path / "labels" / "a.png"


def test_coco_as_it_is_published(tmp_path: Path) -> None:
    for part, year in (("train", "2017"), ("val", "2017")):
        lay(tmp_path, f"{part}{year}/{part}.png")
        content = {
            "images": [{"id": 1, "file_name": f"{part}.png"}],
            "categories": [{"id": 1, "name": "mask"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4]}],
        }
        file = tmp_path / "annotations" / f"instances_{part}{year}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
    found = read_set(tmp_path)
    told = [(p.path.relative_to(tmp_path).as_posix(), p.split) for p in found.pictures]
    assert told == [("train2017/train.png", "train"), ("val2017/val.png", "val")]


def test_parts_with_numbered_classes(tmp_path: Path) -> None:
    lay(tmp_path, "train/0/a.png", "train/1/b.png", "test/0/c.png")
    found = read_set(tmp_path, {"0": M, "1": N})
    assert {(p.split, *p.states) for p in found.pictures} == {
        ("train", M),
        ("train", N),
        ("test", M),
    }
    lay(tmp_path, "val/x/d.png")
    with pytest.raises(SourceError, match="val holds no labels"):
        read_set(tmp_path, {"0": M, "1": N})


def test_one_bad_annotation_spoils_no_other(tmp_path: Path) -> None:
    lay(tmp_path, "a.png")
    good = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4]}
    wrong = [{"bbox": [1, 2]}, {"category_id": 9}, {"image_id": 7}, {"bbox": None}]
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "mask"}],
        "annotations": [good, *({**good, "id": i, **w} for i, w in enumerate(wrong, 2))],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    found = read_set(tmp_path)
    assert found.pictures[0].states == (M,)
    assert [problem.split(": annotation ")[1][0] for problem in found.problems] == list("2345")


def test_what_lies_beside_parts_or_deeper_is_told(tmp_path: Path) -> None:
    lay(tmp_path / "zip", "data/mask/a.png")
    with pytest.raises(SourceError, match=f"there is a set in {tmp_path / 'zip' / 'data'}"):
        read_set(tmp_path / "zip")
    lay(tmp_path / "set", "train/mask/a.png", "no_mask/b.png")
    (problem,) = read_set(tmp_path / "set").problems
    assert problem.endswith("no_mask lies beside the parts and is not read")


def test_voc_parts_of_names_with_spaces(tmp_path: Path, boxed: LabelledSet) -> None:
    first = boxed.pictures[0]
    path = first.path.with_name("my photo 1.png")
    path.write_bytes(first.path.read_bytes())
    WRITERS["voc"](replace(boxed, pictures=(replace(first, path=path),)), tmp_path / "out")
    assert read_set(tmp_path / "out").pictures[0].split == "train"
    (tmp_path / "out" / "ImageSets" / "Main" / "train.txt").write_text("my photo 1  1\n")
    assert read_set(tmp_path / "out").pictures[0].split == "train"


def test_links_to_pictures_are_followed(tmp_path: Path) -> None:
    lay(tmp_path, "store/a.png")
    (tmp_path / "set" / "mask").mkdir(parents=True)
    (tmp_path / "set" / "mask" / "a.png").symlink_to(Path("../../store/a.png"))
    files = WRITERS["folders"](read_set(tmp_path / "set"), tmp_path / "elsewhere" / "deep")
    assert files[0].read_bytes() == (tmp_path / "store" / "a.png").read_bytes()


def test_voc_that_is_damaged(tmp_path: Path, boxed: LabelledSet) -> None:
    WRITERS["voc"](boxed, tmp_path)
    labels = sorted((tmp_path / "Annotations").iterdir())
    labels[0].write_text("<annotation>")
    labels[1].write_text(labels[1].read_text().replace("<xmin>5<", "<xmin>five<"))
    (tmp_path / "JPEGImages" / "y.png").unlink()
    with pytest.raises(SourceError, match="no picture with a label; .* cannot be read"):
        read_set(tmp_path)
    found = read_voc(tmp_path)
    assert "cannot be read" in found.problems[0]
    assert "a box that is none" in found.problems[1]
    assert "y.png, which is not there" in found.problems[2]


def test_yolo_that_is_damaged(tmp_path: Path, boxed: LabelledSet) -> None:
    out = tmp_path / "out"
    WRITERS["yolo"](boxed, out)
    first, second = sorted((out / "labels" / "train").iterdir())
    first.write_text("0 0.5 0.5 0.1\n")
    second.write_text("7 0.5 0.5 0.1 0.1\n")
    outline = out / "labels" / "test" / "y.txt"
    outline.write_text("0 300 200 50 60\n")
    found = read_yolo(out)
    told = sorted(problem.split("txt ")[1] for problem in found.problems)
    assert told == [
        "has a class that is not among [0, 1, 2]",
        "has boxes beyond the picture: are they in pixels?",
        "has lines that are neither a class and a box nor an outline",
    ]
    (out / "data.yaml").write_text("names: 3\n")
    with pytest.raises(SourceError, match="does not name its classes"):
        read_set(out)


def test_yolo_with_numbers_of_its_own_and_outlines(tmp_path: Path) -> None:
    lay(tmp_path, "images/a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("2 0 0 0.5 0 0.25 1\n1 0.5 0.5 0.5 0.5\n")
    (tmp_path / "facemask.yaml").write_text("names: {1: yes, 2: no}\n")
    (picture,) = read_set(tmp_path, {"yes": M, "no": N}).pictures
    assert picture.states == (N, M)
    assert picture.boxes is not None
    assert picture.boxes.tolist() == [[0, 0, 4, 8], [2, 2, 6, 6]]
    (tmp_path / "facemask.yaml").write_text("names: with_mask\n")
    with pytest.raises(SourceError, match="as a list"):
        read_set(tmp_path)


def test_yolo_with_a_list_of_classes_and_labels_beside(tmp_path: Path) -> None:
    lay(tmp_path, "a.png", "b.png")
    (tmp_path / "classes.txt").write_text("hat\nface\nmask_weared_incorrect\n")
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.5 0.5\n0 0.5 0.5 1 1\n")
    found = read_set(tmp_path, {"hat": None})
    assert [p.states for p in found.pictures] == [(N,), ()]
    assert found.pictures[0].boxes is not None
    assert found.pictures[0].boxes.tolist() == [[2, 2, 6, 6]]


def test_a_folder_that_cannot_be_read_is_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("with_mask", "lost+found", "without_mask"):
        encode(np.zeros((8, 8, 3), np.uint8), tmp_path / "set" / name / "a.png")
    closed, iterdir = tmp_path / "set" / "lost+found", Path.iterdir

    def refuse(folder: Path) -> Iterator[Path]:
        if folder == closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    labelled = read_set(tmp_path / "set")
    assert len(labelled.pictures) == 2
    assert labelled.problems == (f"cannot read folder {closed}: Permission denied",)
    with pytest.raises(SourceError, match=r"cannot read folder .*lost\+found: Permission denied"):
        read_set(closed)


def yolo_set(folder: Path, *rows: str, config: str = "names: [mask, no_mask, unsure]") -> Path:
    encode(np.zeros((100, 200, 3), np.uint8), folder / "images" / "a.png")
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text("\n".join(rows), encoding="utf-8-sig")
    (folder / "data.yaml").write_text(config)
    return folder


LANDMARKS = ".45 .45 .55 .45 .5 .5 .46 .57 .54 .57"


@pytest.mark.parametrize(
    ("row", "config", "box"),
    [
        (f"0 .5 .5 .2 .3 {LANDMARKS}", "names: [mask]", [80, 35, 120, 65]),
        ("0 .5 .5 .2 .3" + " -1" * 10, "names: [mask]", [80, 35, 120, 65]),
        ("0 .5 .5 .2 .3 .4 .4 2", "names: [mask]\nkpt_shape: [1, 3]", [80, 35, 120, 65]),
        ("0 .1 .1 .3 .1 .3 .2 .1 .2 .1 .18 .1 .15 .1 .12", "names: [mask]", [20, 10, 60, 20]),
    ],
)
def test_what_stands_behind_a_box_is_no_outline(
    tmp_path: Path, row: str, config: str, box: list[float]
) -> None:
    (picture,) = read_set(yolo_set(tmp_path, row, config=config)).pictures
    assert picture.boxes == pytest.approx(np.array([box]), abs=0.01)


def test_labelled_places_that_are_left_out_are_known(tmp_path: Path) -> None:
    rows = ["0 .5 .5 .2 .3", "2 .25 .5 .1 .2"]
    labelled = read_set(yolo_set(tmp_path / "yolo", *rows), {"unsure": None})
    (picture,) = labelled.pictures
    assert picture.states == (M,)
    assert picture.ignored == pytest.approx(np.array([[40, 40, 60, 60]]), abs=0.01)
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "mask"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "category_id": 1, "bbox": [5, 6, 30, 40], "iscrowd": 1},
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8-sig")
    (picture,) = read_set(tmp_path / "annotations.json").pictures
    assert picture.ignored.tolist() == [[5, 6, 35, 46]]
    assert picture.boxes is not None
    assert picture.boxes.tolist() == [[1, 2, 4, 6]]


def test_class_folders_with_a_list_of_classes_are_class_folders(tmp_path: Path) -> None:
    for name in ("with_mask", "without_mask"):
        encode(np.zeros((8, 8, 3), np.uint8), tmp_path / name / "a.png")
    (tmp_path / "classes.txt").write_text("with_mask\nwithout_mask\n")
    assert read_set(tmp_path).form == "folders"


def test_labels_without_a_picture_and_pictures_without_labels_are_told(
    tmp_path: Path, boxed: LabelledSet
) -> None:
    folder = yolo_set(tmp_path / "yolo", "0 .5 .5 .2 .3", config="names: [mask]")
    (folder / "labels" / "gone.txt").write_text("0 .5 .5 .2 .3")
    assert read_set(folder).problems == (f"files of labels in {folder} without a picture: 1",)
    (folder / "labels").rename(folder / "Labels")
    assert "no picture in" in read_set(folder).problems[0]
    WRITERS["voc"](boxed, tmp_path / "voc")
    encode(np.zeros((8, 8, 3), np.uint8), tmp_path / "voc" / "JPEGImages" / "more.png")
    assert read_set(tmp_path / "voc").problems == (
        f"pictures in {tmp_path / 'voc'} that no file labels: 1",
    )


def test_text_files_of_windows(tmp_path: Path, boxed: LabelledSet) -> None:
    WRITERS["voc"](boxed, tmp_path)
    listing = tmp_path / "ImageSets" / "Main" / "test.txt"
    listing.write_text(listing.read_text(), encoding="utf-8-sig")
    assert read_set(tmp_path).splits == ("train", "test")
    listing.write_bytes("Tür".encode("latin-1"))
    with pytest.raises(SourceError, match="is no text in UTF-8"):
        read_set(tmp_path)


def test_a_split_that_is_refused_leaves_the_one_before(tmp_path: Path) -> None:
    pictures = [
        LabelledPicture(tmp_path / f"{n}.png", np.array([[1, 1, 9, 9]], np.float32), (state,))
        for n, state in enumerate([M, N] * 10)
    ]
    for n, picture in enumerate(pictures):
        noise = np.random.default_rng(n).integers(0, 256, (64, 64, 3))
        encode(noise.astype(np.uint8), picture.path)
    labelled = LabelledSet(tmp_path, "yolo", tuple(pictures))
    facts = list(facts_of([picture.path for picture in pictures]))
    part_set(labelled, facts, Parting(), tmp_path / "out")
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(UsageError, match="--balance is for sets of single faces"):
        part_set(labelled, facts, Parting(balance=Balance.UNDER), tmp_path / "out")
    assert sorted((tmp_path / "out").rglob("*")) == before
