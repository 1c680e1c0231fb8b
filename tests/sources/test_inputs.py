import os
from pathlib import Path

import pytest

from maskwatch.errors import UsageError
from maskwatch.sources.inputs import Inputs, Kind, spell_out


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a/one.jpg", "a/deep/two.PNG", "a/clip.mp4", "a/notes.txt", "a/.hidden.jpg",
        "a/.cache/x.jpg", "b/one.jpg", "b/Ünïcode 名.webp",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(inputs: Inputs) -> list[str]:
    return [item.name.as_posix() for item in inputs.items]


def test_a_folder_is_searched_in_a_fixed_order(tree: Path) -> None:
    inputs = spell_out([str(tree / "a")])
    assert names(inputs) == ["clip.mp4", "one.jpg", "deep/two.PNG"]
    assert [item.kind for item in inputs.items] == [Kind.VIDEO, Kind.PICTURE, Kind.PICTURE]
    assert inputs.skipped == 1


def test_two_files_of_one_name_keep_apart(tree: Path) -> None:
    assert names(spell_out([str(tree / "a/one.jpg"), str(tree / "b/one.jpg")])) == [
        "a/one.jpg",
        "b/one.jpg",
    ]


def test_two_folders_keep_apart(tree: Path) -> None:
    assert "a/one.jpg" in names(both := spell_out([str(tree / "a"), str(tree / "b")]))
    assert "b/one.jpg" in names(both)


def test_files_of_one_folder_have_plain_names(tree: Path) -> None:
    assert names(spell_out([str(tree / "a/one.jpg"), str(tree / "a/clip.mp4")])) == [
        "one.jpg",
        "clip.mp4",
    ]


def test_globs(tree: Path) -> None:
    assert names(spell_out([str(tree / "**/*.jpg")])) == ["a/one.jpg", "b/one.jpg"]


def test_a_glob_that_matches_nothing(tree: Path) -> None:
    (item,) = spell_out([str(tree / "*.gif")]).items
    assert item.kind is Kind.BROKEN
    assert "no file matches" in str(item.reason)


def test_a_name_with_brackets_is_a_name_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].jpg").write_bytes(b"")
    assert names(spell_out([str(tmp_path / "a[1].jpg")])) == ["a[1].jpg"]


def test_the_same_file_twice_counts_once(tree: Path) -> None:
    assert len(spell_out([str(tree / "b/one.jpg"), str(tree / "b")]).items) == 2


def test_left_out_folders(tree: Path) -> None:
    assert names(spell_out([str(tree)], leave_out=[tree / "a"])) == [
        "b/one.jpg",
        "b/Ünïcode 名.webp",
    ]


def test_a_pattern_takes_only_what_can_be_read(tree: Path) -> None:
    assert names(spell_out([str(tree / "a" / "**")])) == ["clip.mp4", "deep/two.PNG", "one.jpg"]


def test_a_mistyped_scheme_does_not_show_its_password() -> None:
    (item,) = spell_out(["rstp://me:secret@host/x"]).items
    assert item.kind is Kind.BROKEN
    assert item.reason == "cannot open rstp://me:***@host/x: unknown scheme rstp"
    assert "secret" not in f"{item.location}{item.name}"


def test_missing_path_and_empty_folder(tree: Path) -> None:
    (tree / "empty").mkdir()
    missing, empty = spell_out([str(tree / "gone.jpg"), str(tree / "empty")]).items
    assert missing.reason == f"there is no file or folder {tree / 'gone.jpg'}"
    assert empty.reason == f"{tree / 'empty'} holds no picture and no video"


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("0", Kind.CAMERA, "camera0"),
        ("rtsp://user:pw@host:554/a/b", Kind.STREAM, "host_554_a_b"),
        ("https://host/live.m3u8?token=x", Kind.STREAM, "host_live.m3u8"),
    ],
)
def test_live_inputs(text: str, kind: Kind, name: str) -> None:
    (item,) = spell_out([text]).items
    assert (item.kind, item.name.as_posix(), item.is_live) == (kind, name, True)


def test_streams_of_one_address_but_other_users_get_numbers() -> None:
    assert names(spell_out(["rtsp://a@h/x", "rtsp://b@h/x"])) == ["h_x", "h_x-2"]


def test_a_named_file_is_read_by_its_content(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "picture", "png")
    (tmp_path / "other").write_bytes(b"text")
    kinds = [
        item.kind for item in spell_out([str(tmp_path / "picture"), str(tmp_path / "other")]).items
    ]
    assert kinds == [Kind.PICTURE, Kind.VIDEO]


def test_a_folder_that_cannot_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    inputs = spell_out([str(tree / "a")])
    assert names(inputs) == ["clip.mp4", "one.jpg", "deep"]
    broken = inputs.items[-1]
    assert broken.kind is Kind.BROKEN
    assert broken.reason == f"cannot read folder {tree / 'a' / 'deep'}: Permission denied"


def test_inputs_whose_outputs_would_meet_get_a_number(tmp_path: Path) -> None:
    for name in ("a.jfif", "a.jfif.jpg", "b.avi", "b.avi.mp4"):
        (tmp_path / name).write_bytes(b"")
    streams = [f"http://h/v.mp4?channel={channel}" for channel in (1, 2, 3)]
    inputs = spell_out([str(tmp_path), *streams])
    assert len({item.target for item in inputs.items}) == len(inputs.items) == 7
    assert names(inputs)[:2] == ["a.jfif", "a.jfif.jpg-2"]
    assert names(inputs)[-3:] == ["h_v.mp4", "h_v.mp4-2", "h_v.mp4-3"]


def test_a_folder_that_gets_outputs_is_no_input(tree: Path) -> None:
    with pytest.raises(UsageError, match="a gets outputs and cannot be an input, too"):
        spell_out([str(tree / "a"), str(tree / "b")], leave_out=[tree / "a"])
    pattern = str(tree / "**" / "*.jpg")
    assert names(spell_out([pattern], leave_out=[tree / "a"])) == ["one.jpg"]
    # Outputs that go beside or above what is searched hide nothing of it.
    assert names(spell_out([pattern], leave_out=[tree])) == ["a/one.jpg", "b/one.jpg"]
