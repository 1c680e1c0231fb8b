import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from maskwatch.errors import SinkError
from maskwatch.sinks.records import CSV_FIELDS, CsvSink, RecordSink, as_record
from tests.conftest import faces_at, result_of

IMAGE = np.zeros((720, 1280, 3), np.uint8)
TWO = faces_at([[1, 2, 30.456, 40], [5, 5, 9, 9]], [[0.98, 0.01, 0.01], [0.2, 0.7, 0.1]])


def test_a_record_is_as_the_schema_says() -> None:
    assert as_record(result_of(IMAGE, TWO, path="holiday/a.jpg")) == {
        "schema": 1,
        "path": "holiday/a.jpg",
        "frame": 0,
        "time": 0.0,
        "width": 1280,
        "height": 720,
        "faces": [
            {
                "box": [1.0, 2.0, 30.46, 40.0],
                "score": 0.9,
                "state": "mask",
                "probabilities": {"mask": 0.98, "no_mask": 0.01, "incorrect": 0.01},
                "track": None,
            },
            {
                "box": [5.0, 5.0, 9.0, 9.0],
                "score": 0.9,
                "state": "no_mask",
                "probabilities": {"mask": 0.2, "no_mask": 0.7, "incorrect": 0.1},
                "track": None,
            },
        ],
        "error": None,
    }


def test_a_picture_in_error_has_no_size() -> None:
    record = as_record(result_of(None, error="a.jpg is empty"))
    assert (record["width"], record["height"], record["faces"]) == (None, None, [])
    assert record["error"] == "a.jpg is empty"


def test_each_line_is_whole_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.jsonl"
    with RecordSink(path) as sink:
        for i in range(3):
            sink.write(result_of(IMAGE, TWO, path=f"Ünïcode 名 {i}.jpg"))
            lines = path.read_text(encoding="utf-8").splitlines()
            assert [json.loads(line)["path"] for line in lines] == [
                f"Ünïcode 名 {k}.jpg" for k in range(i + 1)
            ]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff.jpg")
    with RecordSink(tmp_path / "out.jsonl") as sink:
        sink.write(result_of(IMAGE, TWO, path=name))
    with CsvSink(tmp_path / "out.csv") as table:
        table.write(result_of(IMAGE, TWO, path=name))
    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["path"] == name
    assert "a\\udcff.jpg" in (tmp_path / "out.csv").read_text("utf-8")


def test_csv_has_one_row_a_face(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path) as sink:
        sink.write(result_of(IMAGE, TWO, path='a "b", c.jpg'))
        sink.write(result_of(IMAGE))
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert list(rows[0]) == list(CSV_FIELDS)
    assert rows[0]["path"] == 'a "b", c.jpg'
    assert (rows[1]["face"], rows[1]["box_x1"], rows[1]["state"]) == ("1", "5.0", "no_mask")
    assert float(rows[1]["probability_no_mask"]) == pytest.approx(0.7)


def test_csv_without_faces_still_has_its_names(tmp_path: Path) -> None:
    with CsvSink(tmp_path / "out.csv") as sink:
        sink.write(result_of(IMAGE))
    assert (tmp_path / "out.csv").read_text().split(",")[0] == "path"


def test_going_on_writes_the_names_once(tmp_path: Path) -> None:
    for _ in range(2):
        with CsvSink(tmp_path / "out.csv") as sink:
            sink.write(result_of(IMAGE, TWO))
    assert (tmp_path / "out.csv").read_text().count("probability_mask") == 1


@pytest.mark.parametrize("sink", [RecordSink, CsvSink])
def test_a_full_disk_is_a_clear_error(sink: type[RecordSink]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with (
        sink(Path("/dev/full")) as file,
        pytest.raises(SinkError, match="cannot write /dev/full: No space left"),
    ):
        file.write(result_of(IMAGE, TWO))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot write"):
        RecordSink(tmp_path / "file" / "out.jsonl")
