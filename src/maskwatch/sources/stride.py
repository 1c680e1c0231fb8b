"""Which frames of a video or camera are looked at."""

import re
from dataclasses import dataclass, field

from maskwatch.errors import UsageError


@dataclass(frozen=True, slots=True)
class Stride:
    """Every `frames`-th frame, or one each `seconds`."""

    frames: int = 1
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> "Stride":
        """Read `5`, `1s`, `0.5s` or `500ms`; None means every frame.

        Raises:
            UsageError: none of these.
        """
        if text is None:
            return cls()
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|ms)?", text.strip())
        number = float(match[1]) if match else 0.0
        if match and match[2] and number > 0:
            return cls(seconds=number if match[2] == "s" else number / 1000)
        if match and not match[2] and number >= 1 and number == int(number):
            return cls(frames=int(number))
        raise UsageError(
            f"every must be a count of frames or a time span (5, 1s, 500ms), got {text!r}"
        )

    def gate(self) -> "Gate":
        """A fresh decision maker for one video."""
        return Gate(self)


@dataclass(slots=True)
class Gate:
    """Decides frame by frame; the first one always passes."""

    stride: Stride
    _next_slot: int = field(default=0, init=False)

    def passes(self, index: int, time: float) -> bool:
        """Whether the frame with this index and time in seconds is looked at."""
        if not self.stride.seconds:
            return index % self.stride.frames == 0
        # Slots are counted from the start, so that the rate holds whatever the frames' own rate.
        slot = int((time + 1e-6) / self.stride.seconds)
        if slot < self._next_slot:
            return False
        self._next_slot = slot + 1
        return True
