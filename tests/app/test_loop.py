import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from maskwatch import Settings, SinkError, UsageError
from maskwatch.app import detector as detector_module
from maskwatch.app.loop import Summary, run
from maskwatch.images import decode, encode
from maskwatch.sinks.records import RecordSink
from maskwatch.sources import video as video_module
from maskwatch.types import Image, Result
from tests.conftest import FixedDetector, MakeVideo


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame loop is what is tested here: faces are where they are."""
    monkeypatch.setattr(detector_module, "open_detector", lambda *_: FixedDetector())


@pytest.fixture
def photos(tmp_path: Path, astronaut: Image) -> Path:
    for name in ("a.jpg", "b.png", "deep/a.jpg", "deep/c.webp"):
        encode(astronaut, tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path / "in"


def records_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_all_outputs_of_a_folder(tmp_path: Path, photos: Path, make_video: MakeVideo) -> None:
    make_video("in/clip.mp4", count=10, size_wh=(640, 480))
    out = tmp_path / "out"
    settings = Settings(
        out=out, records=out / "r.jsonl", csv=out / "r.csv", crops=out / "faces", crop_margin=0.2
    )
    summary = run([str(photos)], settings)
    assert (summary.pictures, summary.frames, summary.faces) == (4, 10, 14)
    assert (summary.errors, summary.skipped) == (0, 1)
    assert sum(summary.states.values()) == 14
    names = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert {"a.jpg", "b.png", "deep/a.jpg", "deep/c.webp", "clip.mp4", "r.jsonl", "r.csv"} <= names
    assert len([name for name in names if name.startswith("faces/")]) == 14
    assert [Path(r["path"]).name for r in records_in(out / "r.jsonl")] == (
        ["a.jpg", "b.png", *["clip.mp4"] * 10, "a.jpg", "c.webp"]
    )


def test_files_of_one_name_from_two_folders_do_not_meet(tmp_path: Path, photos: Path) -> None:
    texts = [str(photos / "a.jpg"), str(photos / "deep" / "a.jpg")]
    run(texts, Settings(out=tmp_path / "out"))
    assert (tmp_path / "out" / "a.jpg").is_file()
    assert (tmp_path / "out" / "deep" / "a.jpg").is_file()


def test_outputs_inside_the_input_are_not_read_again(photos: Path) -> None:
    for _ in range(2):
        summary = run([str(photos)], Settings(out=photos / "out", overwrite=True))
        assert summary.pictures == 4


def test_an_input_is_never_replaced(photos: Path) -> None:
    before = (photos / "b.png").read_bytes()
    with pytest.raises(UsageError, match="would replace the input"):
        run([str(photos / "b.png")], Settings(out=photos, overwrite=True))
    with pytest.raises(UsageError, match="in gets outputs and cannot be an input, too"):
        run([str(photos)], Settings(out=photos, overwrite=True))
    assert (photos / "b.png").read_bytes() == before


@pytest.mark.parametrize("kind", ["records", "csv", "out"])
def test_existing_outputs_are_not_replaced_unasked(tmp_path: Path, photos: Path, kind: str) -> None:
    target = tmp_path / "target"
    run([str(photos)], Settings(**{kind: target}))
    with pytest.raises(
        UsageError, match="exists already: go on with --resume, replace with --over"
    ):
        run([str(photos)], Settings(**{kind: target}))
    assert run([str(photos)], Settings(**{kind: target}, overwrite=True)).pictures == 4


def test_resume_does_only_what_is_left(tmp_path: Path, photos: Path, make_video: MakeVideo) -> None:
    make_video("in/clip.mp4", count=10)
    files: dict[str, Any] = {"records": tmp_path / "r.jsonl", "csv": tmp_path / "r.csv"}
    run([str(photos)], Settings(**files))
    whole_records, whole_csv = files["records"].read_bytes(), files["csv"].read_bytes()
    # A run that died in the video: some of its lines are there, the last one torn.
    lines = whole_records.splitlines(keepends=True)
    files["records"].write_bytes(b"".join(lines[:6]) + lines[6][:40])
    files["csv"].write_bytes(b"".join(whole_csv.splitlines(keepends=True)[:5]))
    summary = run([str(photos)], Settings(**files, resume=True))
    assert summary.resumed == 2
    assert (summary.pictures, summary.frames) == (2, 10)
    assert files["records"].read_bytes() == whole_records
    assert files["csv"].read_bytes() == whole_csv


def test_resume_tries_what_failed_again(tmp_path: Path, photos: Path, astronaut: Image) -> None:
    (photos / "a.jpg").write_text("broken")
    settings = Settings(records=tmp_path / "r.jsonl", resume=True)
    assert run([str(photos)], settings).errors == 1
    encode(astronaut, photos / "a.jpg")
    assert run([str(photos)], settings).errors == 0
    paths = [
        Path(r["path"]).relative_to(photos).as_posix() for r in records_in(tmp_path / "r.jsonl")
    ]
    assert sorted(paths) == ["a.jpg", "b.png", "deep/a.jpg", "deep/c.webp"]


def test_resume_by_pictures_alone(tmp_path: Path, photos: Path) -> None:
    run([str(photos)], Settings(out=tmp_path / "out"))
    (tmp_path / "out" / "b.png").unlink()
    summary = run([str(photos)], Settings(out=tmp_path / "out", resume=True))
    assert (summary.pictures, summary.resumed) == (1, 3)


def test_resume_needs_something_to_see_what_is_done(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match="needs --records or --out"):
        run([str(photos)], Settings(csv=tmp_path / "r.csv", resume=True))


def test_resume_of_videos_needs_their_records(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = make_video()
    with pytest.raises(UsageError, match="needs --records where there are videos"):
        run([str(clip)], Settings(out=tmp_path / "out", resume=True))


def test_resume_keeps_what_a_camera_showed_before(tmp_path: Path) -> None:
    from maskwatch.app.outputs import forget
    from maskwatch.sources.inputs import spell_out

    line = '{"schema": 1, "path": "0", "error": null}\n'
    (tmp_path / "r.jsonl").write_text(line)
    inputs = spell_out(["0"])
    forget(inputs, inputs, Settings(records=tmp_path / "r.jsonl", resume=True))
    assert (tmp_path / "r.jsonl").read_text() == line


def test_blur_covers_faces_that_are_too_small_to_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photos: Path, astronaut: Image
) -> None:
    monkeypatch.setattr(detector_module, "open_detector", lambda *_: FixedDetector())
    summary = run([str(photos / "b.png")], Settings(out=tmp_path / "o", blur=True, min_face=200))
    assert summary.faces == 0
    assert (decode(tmp_path / "o" / "b.png")[75:165, 195:255] != astronaut[75:165, 195:255]).any()


def test_one_bad_file_does_not_stop_the_rest(tmp_path: Path, photos: Path) -> None:
    (photos / "b.png").write_bytes(b"")
    summary = run([str(photos)], Settings(records=tmp_path / "r.jsonl"))
    assert (summary.pictures, summary.errors) == (3, 1)
    bad = [r for r in records_in(tmp_path / "r.jsonl") if r["error"]]
    assert [(Path(r["path"]).name, r["width"]) for r in bad] == [("b.png", None)]


def test_ctrl_c_finishes_the_files(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = make_video(count=100, size_wh=(320, 240))
    out = tmp_path / "out"

    def interrupt(result: Result) -> None:
        if result.frame == 30:
            raise KeyboardInterrupt

    before = threading.active_count()
    summary = Summary()
    with pytest.raises(KeyboardInterrupt):
        run(
            [str(clip)],
            Settings(out=out, records=out / "r.jsonl"),
            on_result=interrupt,
            summary=summary,
        )
    assert summary.frames == 31
    assert threading.active_count() == before
    assert [r["frame"] for r in records_in(out / "r.jsonl")] == list(range(31))
    with av.open(str(out / "video.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 31


def test_an_error_in_the_middle_stage_surfaces(
    monkeypatch: pytest.MonkeyPatch, photos: Path, tmp_path: Path
) -> None:
    class Broken(FixedDetector):
        def detect(self, images: object) -> Any:
            raise ZeroDivisionError("in the detector")

    monkeypatch.setattr(detector_module, "open_detector", lambda *_: Broken())
    with pytest.raises(ZeroDivisionError, match="in the detector"):
        run([str(photos)], Settings(records=tmp_path / "r.jsonl"))


def test_a_full_disk_stops_the_run_and_keeps_what_was_written(tmp_path: Path, photos: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(SinkError, match="No space left"):
        run([str(photos)], Settings(csv=Path("/dev/full"), records=tmp_path / "r.jsonl"))
    assert len(records_in(tmp_path / "r.jsonl")) == 1


def test_blur_reaches_everything_that_is_written(
    tmp_path: Path, photos: Path, astronaut: Image
) -> None:
    out = tmp_path / "out"
    run([str(photos / "b.png")], Settings(out=out, crops=out / "faces", blur=True))
    face = np.s_[75:165, 195:255]  # Inside the box, away from its frame.
    for path in (out / "b.png", *(out / "faces").iterdir()):
        image = decode(path)
        region = image[face] if image.shape == astronaut.shape else image[12:102, 17:77]
        fine = astronaut[face].astype(float)
        detail = np.abs(np.diff(region.astype(float), axis=1)).mean()
        assert detail < 0.5 * np.abs(np.diff(fine, axis=1)).mean()


def test_every_frame_or_some(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = make_video(count=50)
    summary = run([str(clip)], Settings(every="1s", out=tmp_path / "out"))
    assert summary.frames == 2
    with av.open(str(tmp_path / "out" / "video.mp4")) as video:
        assert [float(f.time or 0) for f in video.decode(video=0)] == pytest.approx(
            [0, 1], abs=1e-3
        )


@pytest.mark.parametrize(
    ("fail_on", "counts", "expected"),
    [
        (None, {"no_mask": 9}, False),
        ("violation", {"no_mask": 1}, True),
        ("violation", {"incorrect": 1}, True),
        ("violation", {"mask": 5, "unknown": 5}, False),
        ("unknown", {"unknown": 1}, True),
        ("no-face", {}, False),
    ],
)
def test_fail_on(fail_on: str | None, counts: dict[str, int], expected: bool) -> None:
    summary = Summary()
    summary.states.update(counts)
    assert summary.meets(fail_on) is expected


def test_ctrl_c_between_two_outputs_of_a_frame_leaves_both_with_it(
    tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_video("in/clip.mp4", count=10, size_wh=(640, 480))
    write = RecordSink.write

    def write_and_interrupt(sink: RecordSink, result: Result) -> None:
        write(sink, result)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RecordSink, "write", write_and_interrupt)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run([str(clip)], Settings(out=out, records=out / "r.jsonl"))
    assert len(records_in(out / "r.jsonl")) == 1
    with av.open(str(out / "clip.mp4")) as video:
        assert len(list(video.decode(video=0))) == 1


def test_two_streams_of_one_host_get_a_video_each(
    tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They differ in a token alone, which is not shown: their paths are the same, too."""
    clip = make_video(count=4, size_wh=(640, 480))
    monkeypatch.setattr(video_module, "for_ffmpeg", lambda location: str(clip))
    streams = [f"http://h/v.mp4?token={token}" for token in (1, 2)]
    summary = run(streams, Settings(out=tmp_path / "out", crops=tmp_path / "faces"))
    assert (summary.frames, summary.errors) == (8, 0)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"h_v.mp4", "h_v.mp4-2.mp4"}
    assert {p.name for p in (tmp_path / "faces").iterdir()} == {"h_v.mp4", "h_v.mp4-2"}


def test_fail_on_counts_what_earlier_runs_found(tmp_path: Path, photos: Path) -> None:
    settings = Settings(records=tmp_path / "r.jsonl", fail_on="violation", unknown=0)
    assert run([str(photos)], settings).meets("violation")
    resumed = run([str(photos)], settings.but(resume=True))
    assert (resumed.pictures, resumed.resumed) == (1, 3)
    # What is left to do has no face: what was found before counts all the same.
    encode(np.zeros((64, 64, 3), np.uint8), photos / "deep" / "c.webp")
    lines = (tmp_path / "r.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "r.jsonl").write_text("".join(lines[:3]) + lines[3].replace("c.webp", "d.webp"))
    (photos / "deep" / "c.webp").unlink()
    last = run([str(photos)], settings.but(resume=True))
    assert (last.faces, last.pictures) == (0, 0)
    assert last.meets("violation")
    with pytest.raises(UsageError, match="--fail-on with --resume needs --records"):
        run([str(photos)], Settings(out=tmp_path / "out", fail_on="unknown", resume=True))


def test_cut_faces_are_replaced_only_when_asked_and_then_all(tmp_path: Path, photos: Path) -> None:
    settings = Settings(crops=tmp_path / "faces")
    run([str(photos)], settings)
    stale = tmp_path / "faces" / "a.jpg_7_incorrect.jpg"
    stale.write_bytes(b"of a classifier before")
    mine = tmp_path / "faces" / "mine.jpg"
    mine.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists already"):
        run([str(photos)], settings)
    assert stale.exists()
    run([str(photos)], settings.but(overwrite=True))
    assert not stale.exists()
    assert mine.exists()
    assert len(list((tmp_path / "faces").rglob("*.jpg"))) == 4 + 1


def test_rows_of_a_name_that_is_no_text_are_written_once(
    tmp_path: Path, photos: Path, astronaut: Image
) -> None:
    encode(astronaut, tmp_path / "x.jpg")
    try:
        (tmp_path / "x.jpg").rename(photos / "deep" / os.fsdecode(b"\xff.jpg"))
    except OSError:
        pytest.skip("this disk takes no such name")
    files: dict[str, Any] = {"records": tmp_path / "r.jsonl", "csv": tmp_path / "r.csv"}
    run([str(photos)], Settings(**files))
    whole = files["csv"].read_bytes()
    assert run([str(photos)], Settings(**files, resume=True)).pictures == 1
    assert files["csv"].read_bytes() == whole


def test_records_and_table_are_two_files(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match="name two files"):
        run([str(photos)], Settings(records=tmp_path / "r", csv=tmp_path / "r"))


def test_a_classifier_that_would_not_be_asked_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match="would not ask small"):
        run([str(photos)], Settings(mode="fast", classifier="small"))


def test_no_output_is_an_input_of_another_or_what_is_read(tmp_path: Path, photos: Path) -> None:
    (photos / "deep" / "q").mkdir()
    (photos / "a.jpg").rename(photos / "deep" / "q" / "a.jpg")
    both = [str(photos / "deep" / "a.jpg"), str(photos / "deep" / "q" / "a.jpg")]
    for settings in (
        Settings(out=photos / "deep" / "q", overwrite=True),
        Settings(records=photos / "deep" / "a.jpg", overwrite=True),
        Settings(csv=photos / "deep" / "a.jpg", overwrite=True),
    ):
        before = [Path(name).read_bytes() for name in both]
        with pytest.raises(UsageError, match="would replace the input"):
            run(both, settings)
        assert [Path(name).read_bytes() for name in both] == before


@pytest.mark.parametrize("kind", ["records", "csv"])
def test_resume_leaves_files_alone_that_are_not_its_own(
    tmp_path: Path, photos: Path, kind: str
) -> None:
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(b"\xff\xd8 a photo")
    settings = Settings(**{"records": tmp_path / "r.jsonl", kind: mine}, resume=True)
    with pytest.raises(UsageError, match=r"mine\.jpg is no .* of an earlier run"):
        run([str(photos)], settings)
    assert mine.read_bytes() == b"\xff\xd8 a photo"


def test_records_are_written_where_a_link_leads(tmp_path: Path, photos: Path) -> None:
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(real)
    for settings in (Settings(records=link), Settings(records=link, overwrite=True)):
        run([str(photos)], settings)
        assert link.is_symlink()
        assert len(records_in(real)) == 4


def test_a_video_and_the_folder_of_its_faces_need_two_places(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    clip = make_video("in/clip.mp4", count=2)
    both = Settings(out=tmp_path / "out", crops=tmp_path / "out")
    with pytest.raises(UsageError, match="name two folders"):
        run([str(clip)], both)
    assert run([str(tmp_path / "gone.jpg")], both).errors == 1, "it is no video"


def test_a_photo_with_the_longest_name_is_written(tmp_path: Path, astronaut: Image) -> None:
    name = "x" * 251 + ".jpg"
    encode(astronaut, tmp_path / "in" / name)
    run([str(tmp_path / "in")], Settings(out=tmp_path / "out"))
    assert (tmp_path / "out" / name).is_file()
