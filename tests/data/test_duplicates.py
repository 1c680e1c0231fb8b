"""Facts of files, twins, groups, splits and what a check tells of them."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("imagehash")

from maskwatch.data.check import check_set, leaks_of
from maskwatch.data.choices import Balance, Fault
from maskwatch.data.duplicates import Twins, TwinsWithin, joined, twins_between
from maskwatch.data.facts import Facts, facts_of
from maskwatch.data.formats import read_set
from maskwatch.data.groups import cut_from, groups_of, persons
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.parting import Parting, part_set
from maskwatch.data.split import Shares, balanced, folds, split_groups
from maskwatch.errors import SourceError, UsageError
from maskwatch.images import encode
from maskwatch.types import MaskState
from tests.data.conftest import Scenery

M, N, W = MaskState.MASK, MaskState.NO_MASK, MaskState.INCORRECT


def facts_in(labelled: LabelledSet) -> list[Facts]:
    return list(facts_of([picture.path for picture in labelled.pictures]))


def pairs_of(twins: Iterable[Twins]) -> list[tuple[int, int, int, bool]]:
    """Pairs one by one: first, second, bits, exact."""
    return [
        pair
        for block in twins
        for pair in zip(
            block.first.tolist(),
            block.second.tolist(),
            block.bits.tolist(),
            block.exact.tolist(),
            strict=True,
        )
    ]


def test_facts(tmp_path: Path, scenery: Scenery) -> None:
    encode(scenery(0), tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    good, bad, gone = facts_of([tmp_path / name for name in ("a.png", "b.png", "c.png")])
    assert (good.width, good.height, good.error) == (96, 80, None)
    assert len(good.sha256) == 64
    assert 0 < good.looks < 2**64
    assert good.looks != good.mirrored_looks
    assert bad.error is not None
    assert "not a picture" in bad.error
    assert gone.error is not None
    assert "cannot read" in gone.error


def test_twins_are_found_though_scaled_and_mirrored(leaky: Path) -> None:
    labelled = read_set(leaky)
    names = [picture.path.stem for picture in labelled.pictures]
    pairs = pairs_of(TwinsWithin(facts_in(labelled)))
    assert {(names[one], names[other], exact) for one, other, _, exact in pairs} == {
        ("0", "0_again", True),
        ("1", "1_small_mirrored", False),
        ("12_other_label", "12", False),
    }
    assert all(bits <= 6 for _, _, bits, _ in pairs)


def test_twins_in_blocks_and_of_two_lists(leaky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_in(read_set(leaky))
    twins = TwinsWithin(facts)
    whole = pairs_of(twins)
    monkeypatch.setattr("maskwatch.data.duplicates._CELLS_AT_ONCE", 50)
    assert pairs_of(twins) == whole
    assert len(list(twins)) > 1
    nearest = twins_between(facts[:5], facts)
    assert nearest.second[:5].tolist() == [0, 1, 2, 3, 4]
    assert nearest.exact[:5].all()
    broken = Facts(Path("x"), error="no")
    assert pairs_of(TwinsWithin([broken, broken])) == []
    assert len(twins_between(facts, [])) == len(twins_between([], facts)) == 0


def test_the_nearest_twin_is_the_equal_one() -> None:
    """Of two that look the same and one that differs by a bit."""
    first = [
        Facts(Path(name), name, 9, 9, looks, looks)
        for name, looks in (("a", 1), ("b", 0), ("c", 0))
    ]
    got = twins_between(
        first, [Facts(Path("x"), "c", 9, 9, 0, 0), Facts(Path("y"), "y", 9, 9, 3, 3)]
    )
    assert (got.first.tolist(), got.second.tolist()) == ([2, 0], [0, 1])
    assert (got.bits.tolist(), got.exact.tolist()) == ([0, 1], [True, False])


def test_hamming_distance_is_exact() -> None:
    rng = np.random.default_rng(0)
    looks = [int(value) for value in rng.integers(0, 2**63, 40)] + [0, 2**64 - 1]
    facts = [Facts(Path(str(i)), str(i), 9, 9, look, look) for i, look in enumerate(looks)]
    got = {(one, other): bits for one, other, bits, _ in pairs_of(TwinsWithin(facts, 64))}
    assert len(got) == 42 * 41 // 2
    assert all(bits == (looks[i] ^ looks[j]).bit_count() for (i, j), bits in got.items())


def test_what_is_joined_to_a_third_is_joined() -> None:
    blocks = [([0, 5], [3, 3]), ([1], [2]), ([], []), ([2], [6])]
    groups = joined(7, [(np.array(a, int), np.array(b, int)) for a, b in blocks])
    assert groups[0] == groups[3] == groups[5]
    assert groups[1] == groups[2] == groups[6]
    assert len(set(groups.tolist())) == 3


def test_persons() -> None:
    names = ["0_0_wang_0012", "0_0_wang_0013", "0_0_lin (2)", "123", "ann-7", "Bo"]
    paths = [Path(f"{name}.jpg") for name in names]
    assert persons(paths)[2:] == ["0_0_lin", None, "ann", None]
    own = persons(paths, r"_([a-z]+)")
    assert own == ["wang", "wang", "lin", None, None, None]
    assert persons([Path(f"image{n}.jpg") for n in range(99)]) == [None] * 99
    assert persons([Path(f"with_mask_{n}.jpg") for n in range(3)]) == [None] * 3
    assert persons([Path("alice_1.jpg")] * 9) == ["alice"] * 9
    assert persons([Path(f"maksssksksss{n}.png") for n in range(99)]) == [None] * 99
    assert persons([Path("bob.jpg"), Path("x.jpg")], "(anna)|(bob)") == ["bob", None]
    with pytest.raises(UsageError, match="not a regular expression"):
        persons(paths, "(")
    groups = groups_of(6, [], own)
    assert groups[0] == groups[1] != groups[2]


def pictures_of(states: list[tuple[MaskState, ...]]) -> list[LabelledPicture]:
    return [LabelledPicture(Path(f"{i}.jpg"), None, s) for i, s in enumerate(states)]


def test_faces_of_one_photo_stay_together(tmp_path: Path) -> None:
    names = ["mask/a.jpg", "no_mask/a_2.jpg", "mask/b.jpg"]
    listing = "".join(f"{name},photos/{name[-5]}.jpg\n" for name in names)
    (tmp_path / "faces.csv").write_text("file,picture\n" + listing.replace("/2.jpg", "/a.jpg"))
    found = cut_from(tmp_path, [tmp_path / name for name in names])
    assert found == ["photos/a.jpg", "photos/a.jpg", "photos/b.jpg"]
    assert len(set(groups_of(3, [], found).tolist())) == 2
    assert cut_from(tmp_path / "none", [tmp_path / "none" / "x.jpg"]) == [None]


def test_too_few_for_three_parts() -> None:
    with pytest.raises(UsageError, match="nothing is left for val"):
        split_groups(pictures_of([(M,)] * 40), np.repeat(np.arange(4), 10), Shares().wanted, 0)


def test_split_keeps_shares_states_and_groups() -> None:
    rng = np.random.default_rng(1)
    states = [(M,)] * 300 + [(N,)] * 200 + [(W,)] * 40
    pictures = pictures_of(states)
    groups = rng.integers(0, 200, len(pictures))
    parts = split_groups(pictures, groups, Shares(val=0.1, test=0.2).wanted, 42)
    assert all(
        len({part for part, group in zip(parts, groups, strict=True) if group == g}) <= 1
        for g in range(200)
    )
    for state, count in ((M, 300), (N, 200), (W, 40)):
        told = [p for p, s in zip(parts, states, strict=True) if s == (state,)]
        assert told.count("test") == pytest.approx(0.2 * count, abs=0.03 * count + 2)
        assert told.count("val") == pytest.approx(0.1 * count, abs=0.03 * count + 2)
    assert split_groups(pictures, groups, Shares().wanted, 42) == parts
    assert split_groups(pictures, groups, Shares().wanted, 43) != parts


def test_one_large_group_goes_where_it_fits() -> None:
    pictures = pictures_of([(M,)] * 100)
    groups = np.array([0] * 60 + list(range(1, 41)))
    parts = split_groups(pictures, groups, Shares().wanted, 0)
    assert set(parts[:60]) == {"train"}
    assert (parts.count("test"), parts.count("val")) == (20, 10)


def test_folds_test_each_picture_once() -> None:
    pictures = pictures_of([(M,), (N,)] * 30)
    got = folds(pictures, np.arange(60), 3, 0)
    assert [got.count(fold) for fold in range(3)] == [20, 20, 20]
    with pytest.raises(UsageError, match="2 or more"):
        folds(pictures, np.arange(60), 1, 0)
    with pytest.raises(UsageError, match="cannot be split"):
        folds(pictures, np.zeros(60, int), 3, 0)


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (-0.1, 0.2), (0, 1)])
def test_shares_that_leave_nothing(val: float, test: float) -> None:
    with pytest.raises(UsageError, match="leave something to train on"):
        Shares(val, test)


def test_balance() -> None:
    pictures = pictures_of([(M,)] * 6 + [(N,)] * 2)
    for how, count in ((Balance.UNDER, 2), (Balance.OVER, 6)):
        got = [picture.states for picture in balanced(pictures, how, 0)]
        assert (got.count((M,)), got.count((N,))) == (count, count)
    assert {p.path for p in balanced(pictures, Balance.OVER, 0)} == {p.path for p in pictures}
    boxed = [LabelledPicture(Path("a"), np.zeros((1, 4), np.float32), (M,))]
    with pytest.raises(UsageError, match="single faces"):
        balanced(boxed, Balance.UNDER, 0)


def test_parts_without_leaks(leaky: Path, tmp_path: Path) -> None:
    labelled = read_set(leaky)
    (leaky / "mask" / "3.png").write_text("damaged")
    facts = facts_in(labelled)
    out = tmp_path / "out"
    note = part_set(labelled, facts, Parting(shares=Shares(val=0.2, test=0.3), seed=1), out)
    again = read_set(out)
    assert len(again.pictures) == 22
    assert len(note["unreadable"]) == 1
    (warning,) = note["warnings"]
    assert warning.startswith("2 pictures are duplicates or near duplicates that are not all")
    assert f"maskwatch data check {leaky} lists them" in warning
    assert {row["twins_in_train"] for row in note["parts"]} == {0}
    found = leaks_of([p.split for p in again.pictures], TwinsWithin(facts_in(again)))
    assert all(leak["exact"] + leak["near"] == 0 for leak in found.values())
    with (out / "split.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 22
    assert all((out / row["file"]).exists() and Path(row["picture"]).exists() for row in rows)
    with pytest.raises(UsageError, match="has parts already"):
        part_set(again, facts_in(again), Parting(), tmp_path / "more")


def test_a_split_that_leaks_says_so(leaky: Path, tmp_path: Path) -> None:
    labelled = read_set(leaky)
    facts = facts_in(labelled)
    how = [Parting(kinds=frozenset(), seed=seed, folds=2) for seed in range(3)]
    notes = [part_set(labelled, facts, one, tmp_path / str(one.seed)) for one in how]
    assert max(row["twins_in_train"] for note in notes for row in note["parts"]) > 0
    assert sorted(path.name for path in (tmp_path / "0").iterdir()) == [
        "fold-1",
        "fold-2",
        "maskwatch.json",
    ]


def test_nothing_to_split(tmp_path: Path) -> None:
    labelled = LabelledSet(tmp_path, "folders", tuple(pictures_of([(M,)])))
    with pytest.raises(SourceError, match="can be read"):
        part_set(labelled, [Facts(Path("0.jpg"), error="gone")], Parting(), tmp_path / "out")


def test_check(leaky: Path) -> None:
    (leaky / "mask" / "3.png").write_text("damaged")
    (leaky / "incorrect").mkdir()
    labelled = read_set(leaky)
    report = check_set(labelled, facts_in(labelled), tiny_px=50)
    found = report.as_json()["found"]
    assert found == {
        "unused": 1,
        "unreadable": 1,
        "empty": 1,
        "tiny": 1,
        "duplicates": 1,
        "near duplicates": 2,
        "conflict": 1,
    }
    assert report.faces == {"all": {"mask": 12, "no_mask": 10, "incorrect": 0}}, "one is damaged"
    assert report.has([Fault.TINY, Fault.LEAKS, Fault.NEAR_DUPLICATES]) == [
        "tiny",
        "near-duplicates",
    ]
    (conflict,) = (problem for problem in report.problems if problem.kind == "conflict")
    assert conflict.sentence == "near duplicates labelled mask against no_mask"
    assert {Path(path).stem for path in conflict.paths} == {"12", "12_other_label"}
    assert report.classes == {"incorrect": "incorrect", "mask": "mask", "no_mask": "no_mask"}


def test_check_of_boxes_people_and_parts(tmp_path: Path, scenery: Scenery) -> None:
    boxes = np.array([[0, 0, 40, 40], [0, 0, 9, 20], [90, 70, 200, 200]], np.float32)
    pictures = []
    for number, split in enumerate(("train", "test", "test")):
        path = tmp_path / split / f"anna_{number}.png"
        encode(scenery(0 if number < 2 else 5), path)
        rows = slice(0, 3 if number == 0 else 1)
        pictures.append(LabelledPicture(path, boxes[rows], (M, M, M)[rows], split))
    labelled = LabelledSet(tmp_path, "coco", tuple(pictures), {"mask": M})
    report = check_set(labelled, facts_in(labelled), person="^([a-z]+)_")
    sentences = {problem.kind: problem.sentence for problem in report.problems}
    assert sentences["tiny"] == "1 faces with a side of 9.0 pixels"
    assert sentences["bad boxes"] == "1 boxes that lie beyond the picture or are none"
    assert sentences["conflict"] == "duplicates labelled 1 mask against 3 mask"
    assert sentences["same person"] == "3 pictures named 'anna', in 2 parts"
    assert sentences["one class"] == "every face is mask: nothing can be learnt"
    assert report.leaks == {"test": {"pictures": 2, "exact": 1, "near": 0}}
    assert report.has(Fault) == [
        "one-class", "bad-boxes", "tiny", "duplicates", "conflict", "same-person", "leaks"
    ]  # fmt: skip
