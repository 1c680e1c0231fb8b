"""Every Python block of the README and the docs runs as it stands, in a folder with two photos."""

import re
from pathlib import Path

import pytest

from maskwatch.images import encode
from maskwatch.types import Image

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_PYTHON = re.compile(r"```python\n(.*?)```", re.S)
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(_PYTHON.findall(page.read_text("utf-8")))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_block_runs(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Image
) -> None:
    monkeypatch.chdir(tmp_path)
    encode(astronaut, tmp_path / "crowd.jpg")
    encode(astronaut[63:175, 178:270], tmp_path / "face.jpg")
    exec(compile(block, "block", "exec"), {"__name__": "block"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
