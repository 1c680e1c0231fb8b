import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from maskwatch.errors import ModelInvalid, ModelNotFound, UsageError
from maskwatch.models import files
from maskwatch.models.catalogue import CARDS, ModelCard, card_of

DATA = b"weights of a small model"
CARD = ModelCard(
    "tiny", "detector", "for tests", "MIT", "nowhere",
    files=("tiny.onnx",), sha256=hashlib.sha256(DATA).hexdigest(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_MODELS", str(tmp_path / "named"))
    monkeypatch.setattr(files, "user_folder", lambda: tmp_path / "user")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real web server with the model on it."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "tiny.onnx").write_bytes(DATA)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def put(path: Path, data: bytes = DATA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_named_folder_comes_before_the_users(tmp_path: Path) -> None:
    in_user = put(tmp_path / "user" / "tiny.onnx")
    assert files.find(CARD) == in_user
    in_named = put(tmp_path / "named" / "tiny.onnx")
    assert files.find(CARD) == in_named


def test_a_file_of_the_users_own_is_not_compared(tmp_path: Path) -> None:
    own = put(tmp_path / "own.onnx", b"another model")
    assert files.find(CARD, own) == own


def test_tampered_weights_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "named" / "tiny.onnx", DATA + b"!")
    with pytest.raises(ModelInvalid, match="damaged or not the published file"):
        files.find(CARD)


def test_missing_weights_tell_where_they_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        ModelNotFound, match=r"no tiny.onnx in .*named or .*user; bring it yourself"
    ):
        files.find(CARD)
    with pytest.raises(ModelNotFound, match="maskwatch models get yunet"):
        files.find(card_of("yunet", "detector"))


def test_fetch(server: str, tmp_path: Path) -> None:
    path = files.fetch(replace(CARD, url=f"{server}/tiny.onnx"))
    assert path == tmp_path / "user" / "tiny.onnx"
    assert path.read_bytes() == DATA
    assert files.find(CARD) == path


def test_fetch_refuses_another_file(server: str, tmp_path: Path) -> None:
    put(tmp_path / "www" / "tiny.onnx", b"not what was published")
    with pytest.raises(ModelInvalid, match="expected sha256"):
        files.fetch(replace(CARD, url=f"{server}/tiny.onnx"))
    assert not any((tmp_path / "user").iterdir())


@pytest.mark.parametrize("path", ["/gone.onnx", ":1/tiny.onnx"])
def test_fetch_offline_is_one_clear_sentence(server: str, path: str) -> None:
    base = server if path.startswith("/") else "http://127.0.0.1"
    with pytest.raises(ModelNotFound, match="cannot download tiny .* are you online"):
        files.fetch(replace(CARD, url=base + path))


def test_fetch_of_what_has_no_address() -> None:
    with pytest.raises(ModelNotFound, match="cannot be downloaded"):
        files.fetch(card_of("retinaface", "detector"))


def test_fetch_into_a_place_that_cannot_be_written(server: str, tmp_path: Path) -> None:
    (tmp_path / "user").write_text("a file in the way")
    with pytest.raises(ModelNotFound, match="cannot store"):
        files.fetch(replace(CARD, url=f"{server}/tiny.onnx"))


def test_cards_say_where_each_model_comes_from() -> None:
    assert len({(card.kind, card.name) for card in CARDS}) == len(CARDS)
    for card in CARDS:
        assert card.origin
        assert card.licence
        assert (card.url is None) or card.sha256


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match="choose from maskwatch, yunet, retinaface, ssd, haar, mtcnn"
    ):
        card_of("yolo", "detector")
