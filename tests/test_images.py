import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from maskwatch.errors import SinkError, SourceError
from maskwatch.images import (
    as_image,
    cut,
    decode,
    encode,
    fit,
    picture_name,
    planes,
    size_of,
    warp_crops,
)
from maskwatch.types import Image


def saved(path: Path, array: np.ndarray, **options: object) -> Path:
    Pillow.fromarray(array).save(path, **options)
    return path


RAMP = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[:, None], 40, axis=1)
COLOUR = np.dstack([RAMP, RAMP[::-1], np.full_like(RAMP, 90)])


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
def test_lossless_formats_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    assert np.array_equal(decode(saved(tmp_path / f"a{suffix}", COLOUR)), COLOUR)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_lossy_formats_come_back_nearly(tmp_path: Path, suffix: str) -> None:
    got = decode(saved(tmp_path / f"a{suffix}", COLOUR, quality=95))
    assert np.abs(got.astype(int) - COLOUR).mean() < 4


def test_heic(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    got = decode(saved(tmp_path / "a.heic", COLOUR, quality=95))
    assert np.abs(got.astype(int) - COLOUR).mean() < 6


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = np.zeros((20, 30, 3), np.uint8)
    upright[:5, :8] = 255  # The upper left corner is white.
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.transpose(a, (1, 0, 2)),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(undo(upright))
    path = saved(tmp_path / f"a{suffix}", stored, exif=exif)
    assert np.array_equal(decode(path), upright)
    assert size_of(path) == (30, 20)


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    got = decode(saved(tmp_path / "a.png", RAMP))
    assert np.array_equal(got, np.repeat(RAMP[..., None], 3, axis=2))


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    deep = RAMP.astype(np.uint16) * 257
    got = decode(saved(tmp_path / "a.png", deep))
    assert np.abs(got[..., 0].astype(int) - RAMP).max() <= 1


def test_float_tiff(tmp_path: Path) -> None:
    got = decode(saved(tmp_path / "a.tiff", RAMP.astype(np.float32) / 255))
    assert np.abs(got[..., 1].astype(int) - RAMP).max() <= 1


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    layered = np.dstack([COLOUR, np.full_like(RAMP, 255)])
    layered[:10, :, 3] = 0
    got = decode(saved(tmp_path / "a.png", layered))
    assert (got[:10] == 255).all()
    assert np.array_equal(got[10:], COLOUR[10:])


def test_palette_with_transparency(tmp_path: Path) -> None:
    picture = Pillow.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 200, 30, 40])
    picture.paste(0, (0, 0, 4, 8))
    picture.save(tmp_path / "a.png", transparency=0)
    got = decode(tmp_path / "a.png")
    assert got[0, 0].tolist() == [255, 255, 255]
    assert got[0, 7].tolist() == [200, 30, 40]


def test_cmyk(tmp_path: Path) -> None:
    Pillow.fromarray(COLOUR).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(decode(tmp_path / "a.jpg").astype(int) - COLOUR).mean() < 6


def jpeg_bytes() -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(
        buffer, "jpeg"
    )
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "is empty", id="zero bytes"),
        pytest.param(b"just some text", "not a picture", id="text named .jpg"),
        pytest.param(jpeg_bytes()[:900], "damaged", id="truncated"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(50), "not a picture|damaged", id="only a header"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=f"bad.jpg.*({sentence})"):
        decode(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read.*none.jpg"):
        decode(tmp_path / "none.jpg")


def test_a_huge_picture_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    # A true PNG header of 30000x30000 pixels without any pixels behind it.
    small = io.BytesIO()
    Pillow.new("1", (1, 1)).save(small, "png")
    raw = bytearray(small.getvalue())
    raw[16:24] = (30000).to_bytes(4, "big") * 2
    import zlib

    raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    path.write_bytes(raw)
    with pytest.raises(SourceError, match=r"more pixels than the limit .* --max-pixels"):
        decode(path)
    with pytest.raises(SourceError, match="more pixels than the limit"):
        size_of(path)


def test_the_limit_of_pixels_is_a_setting(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", COLOUR)
    with pytest.raises(SourceError, match="limit of 100"):
        decode(path, max_pixels=100)
    assert decode(path, max_pixels=10_000).shape == COLOUR.shape


def test_damaged_exif_leaves_a_sound_picture_as_it_lies(tmp_path: Path) -> None:
    stored = io.BytesIO()
    Pillow.fromarray(COLOUR).save(stored, "png", exif=b"Exif\0\0no TIFF at all")
    path = tmp_path / "a.png"
    path.write_bytes(stored.getvalue())
    assert np.array_equal(decode(path), COLOUR)
    assert size_of(path) == COLOUR.shape[1::-1]


def test_any_damage_of_exif_is_survived_or_named(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", COLOUR, exif=exif)
    data = bytearray(path.read_bytes())
    start = data.index(b"Exif")
    for place in range(start + 8, start + 40):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        path.write_bytes(broken)
        try:
            height, width, _ = decode(path).shape
            assert size_of(path) == (width, height)
        except SourceError as error:
            assert "a.jpg" in str(error)


def test_very_wide_pictures_are_cropped() -> None:
    wide = np.full((20, 40_000, 3), 90, np.uint8)
    squares = np.array([[39_000, 0, 39_020, 20], [-30_000, 0, 39_020, 20]], np.float32)
    assert (warp_crops(wide, squares, 16) == 90).all()


@pytest.mark.parametrize(
    "bad",
    [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), 7],
)
def test_other_things_are_no_pictures(bad: object) -> None:
    with pytest.raises(TypeError, match="expected"):
        as_image(bad)


def test_a_picture_of_each_kind_is_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", COLOUR)
    for picture in (path, str(path), Pillow.open(path), COLOUR):
        assert np.array_equal(as_image(picture), COLOUR)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jpg", "a.jpg"), ("a.PNG", "a.PNG"), ("b/c.heic", "b/c.heic.jpg"), ("d", "d.jpg")],
)
def test_picture_names(name: str, expected: str) -> None:
    assert picture_name(name) == expected


def test_encode_makes_folders_and_leaves_no_part(tmp_path: Path) -> None:
    encode(COLOUR, tmp_path / "x" / "y" / "a.png")
    assert [p.name for p in (tmp_path / "x" / "y").iterdir()] == ["a.png"]


def test_encode_names_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot write"):
        encode(COLOUR, tmp_path / "file" / "a.png")


def test_fit_scales_the_longer_side_up_and_down() -> None:
    assert fit(np.zeros((100, 50, 3), np.uint8), 200)[0].shape == (200, 100, 3)
    small, scale = fit(np.zeros((100, 400, 3), np.uint8), 200)
    assert small.shape == (50, 200, 3)
    assert scale == 0.5


def test_planes_order_and_normalise() -> None:
    image = np.full((2, 2, 3), (10, 20, 30), np.uint8)
    batch = planes([image], (3, 2), colour="bgr", mean=(1, 2, 3), std=(1, 2, 1))
    assert batch.shape == (1, 3, 2, 3)
    assert batch[0, :, 0, 0].tolist() == [29, 9, 7]
    assert batch[0, :, 0, 2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("side", [16, 40, 200])
def test_warped_crops_show_the_square_they_were_asked_for(side: int) -> None:
    xs = np.linspace(0, 250, 400, dtype=np.float32)
    ys = np.linspace(0, 250, 300, dtype=np.float32)
    image = np.dstack(np.broadcast_arrays(xs[None, :], ys[:, None], 7.0)).astype(np.uint8)
    squares = np.array([[40.0, 60.0, 200.0, 220.0], [101.5, 51.25, 141.5, 91.25]], np.float32)
    for crop, square in zip(warp_crops(image, squares, side), squares, strict=True):
        centres = square[0] + (np.arange(side) + 0.5) * (square[2] - square[0]) / side - 0.5
        rows = square[1] + (np.arange(side) + 0.5) * (square[3] - square[1]) / side - 0.5
        assert np.abs(crop[side // 2, :, 0] - np.interp(centres, np.arange(400), xs)).max() < 2
        assert np.abs(crop[:, side // 2, 1] - np.interp(rows, np.arange(300), ys)).max() < 2


def test_crops_beyond_the_picture_repeat_its_border() -> None:
    image = np.full((50, 50, 3), 80, np.uint8)
    squares = np.array([[-400, -400, 400, 400], [-30, 20, 10, 60], [45, 45, 245, 245]], np.float32)
    assert (warp_crops(image, squares, 32) == 80).all()


def test_large_regions_do_not_alias() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 254
    crop = warp_crops(stripes, np.array([[0, 0, 512, 512]], np.float32), 64)[0]
    assert np.abs(crop.astype(int) - 127).max() <= 2


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ([1.5, 2.5, 4, 5], (3, 3)),
        ([-9, -9, 3, 3], (3, 3)),
        ([98, 98, 300, 300], (2, 2)),
        ([500, 500, 600, 600], (1, 1)),
    ],
)
def test_cut(box: list[float], shape: tuple[int, int]) -> None:
    image: Image = np.zeros((100, 100, 3), np.uint8)
    assert cut(image, np.array(box, np.float32)).shape[:2] == shape
