"""Find faces and tell how each wears its mask.

from maskwatch import MaskDetector, MaskState

detector = MaskDetector()
for result in detector.stream("holiday/"):
    for face in result.faces:
        if face.state is MaskState.INCORRECT:
            print(result.path, face.box, face.probabilities)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskwatch.app.detector import MaskDetector as MaskDetector
    from maskwatch.app.settings import Settings as Settings
    from maskwatch.errors import MaskwatchError as MaskwatchError
    from maskwatch.errors import MissingExtra as MissingExtra
    from maskwatch.errors import ModelError as ModelError
    from maskwatch.errors import ModelInvalid as ModelInvalid
    from maskwatch.errors import ModelNotFound as ModelNotFound
    from maskwatch.errors import SinkError as SinkError
    from maskwatch.errors import SourceError as SourceError
    from maskwatch.errors import UsageError as UsageError
    from maskwatch.types import Face as Face
    from maskwatch.types import FaceDetector as FaceDetector
    from maskwatch.types import Faces as Faces
    from maskwatch.types import Frame as Frame
    from maskwatch.types import MaskState as MaskState
    from maskwatch.types import Result as Result

__version__ = "0.1.0"

_HOMES = {
    "Face": "types",
    "FaceDetector": "types",
    "Faces": "types",
    "Frame": "types",
    "MaskDetector": "app.detector",
    "MaskState": "types",
    "MaskwatchError": "errors",
    "MissingExtra": "errors",
    "ModelError": "errors",
    "ModelInvalid": "errors",
    "ModelNotFound": "errors",
    "Result": "types",
    "Settings": "app.settings",
    "SinkError": "errors",
    "SourceError": "errors",
    "UsageError": "errors",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    # Loaded on first use: the command line must not pay for NumPy and OpenCV to show its help.
    if name not in _HOMES:
        raise AttributeError(f"module 'maskwatch' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"maskwatch.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
