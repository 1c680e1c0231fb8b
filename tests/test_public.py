import subprocess
import sys
from importlib.metadata import version
from types import ModuleType

import pytest

import maskwatch

HEAVY = ["torch", "timm", "torchvision", "sqlalchemy", "fastapi", "av", "matplotlib", "sklearn"]


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running some code."""
    script = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_all_names_are_sorted_few_and_there() -> None:
    assert maskwatch.__all__ == sorted(maskwatch.__all__)
    assert len(maskwatch.__all__) <= 25
    for name in maskwatch.__all__:
        assert not isinstance(getattr(maskwatch, name), ModuleType)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = maskwatch.nonsense


def test_version_is_the_installed_one() -> None:
    assert maskwatch.__version__ == version("maskwatch")


def test_import_loads_only_the_standard_library() -> None:
    before = loaded_by("")
    new = {name for name in loaded_by("import maskwatch") - before if not name.startswith("_")}
    assert new - set(sys.stdlib_module_names) == {"maskwatch"}


def test_the_detector_loads_nothing_heavy() -> None:
    loaded = loaded_by("from maskwatch import MaskDetector")
    assert {"numpy", "cv2", "onnxruntime"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_drawing_samples_needs_no_extra() -> None:
    loaded = loaded_by("import maskwatch.data.synthesize")
    assert "cv2" in loaded
    assert loaded.isdisjoint({"scipy", *HEAVY})


def test_help_loads_neither_numpy_nor_opencv() -> None:
    code = "import sys; sys.argv = ['maskwatch', '--help']\nfrom maskwatch.cli.root import app\n"
    loaded = loaded_by(f"{code}try:\n    app()\nexcept SystemExit:\n    pass")
    assert loaded.isdisjoint({"numpy", "cv2", "onnxruntime", "PIL", *HEAVY})
