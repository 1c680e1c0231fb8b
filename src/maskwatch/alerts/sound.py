"""A sound from this machine's loudspeaker."""

import io
import os
import time
import wave
from typing import Any, Literal

from pydantic import Field, FilePath

from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.options import ChannelOptions
from maskwatch.errors import DeliveryError, MissingExtra
from maskwatch.events import Alert

_RATE_HZ = 44_100
_TONES_HZ = (659.3, 523.3)  # E and C: the two tones of a door bell.
_TONE_S = 0.35
_FINISH_S = 1.0


class SoundOptions(ChannelOptions):
    """A sound."""

    type: Literal["sound"] = Field(default="sound", description="A sound.")
    file: FilePath | None = Field(
        default=None, description="A WAV, OGG or MP3 file; without it two tones are played."
    )
    volume: float = Field(default=1.0, ge=0, le=1, description="How loud, 0 to 1.")


class SoundChannel:
    """Plays a sound through SDL.

    Raises:
        MissingExtra: pygame is not installed.
    """

    def __init__(self, options: SoundOptions) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError as error:
            raise MissingExtra("sound needs an extra: pip install 'maskwatch[window]'") from error
        self._pygame = pygame
        self._file, self._volume = options.file, options.volume
        self._limit = TimeLimit(options.timeout_s, what="the sound device")
        self._playing: Any = None

    def send(self, alert: Alert) -> None:
        """Begin to play; a sound that still plays is not waited for.

        Raises:
            DeliveryError: there is no sound device, or the file cannot be decoded.
        """
        self._limit.run(self._play)

    def _play(self) -> None:
        sound = self._sound()
        sound.set_volume(self._volume)
        self._playing = self._pygame.mixer.find_channel(True)
        self._playing.play(sound)

    def _sound(self) -> Any:
        mixer, failure = self._pygame.mixer, self._pygame.error
        try:
            mixer.init()
        except failure as error:
            raise DeliveryError(f"there is no sound device: {error}") from error
        try:
            return mixer.Sound(two_tones() if self._file is None else str(self._file))
        except (failure, OSError) as error:
            raise DeliveryError(f"{self._file} must be WAV, OGG or MP3, but: {error}") from error

    def check(self) -> None:
        """Whether there is a sound device and the file can be decoded.

        Raises:
            DeliveryError: one of them is not so.
        """
        self._limit.run(self._sound)

    def close(self) -> None:
        """Let the sound end, if it does so soon, and let go of the device."""
        end = time.monotonic() + _FINISH_S
        while self._plays() and time.monotonic() < end:
            time.sleep(0.02)
        self._playing = None
        self._pygame.mixer.quit()

    def _plays(self) -> bool:
        # Another sound channel may have let go of the device.
        there = self._playing is not None and self._pygame.mixer.get_init()
        return bool(there and self._playing.get_busy())


def two_tones() -> io.BytesIO:
    """A short WAV of two falling tones that fade."""
    import numpy as np

    time_s = np.arange(round(_TONE_S * _RATE_HZ)) / _RATE_HZ
    # A soft start, since a sudden one clicks.
    loudness = np.minimum(time_s / 0.01, 1) * np.exp(-time_s / 0.12)
    tones = [loudness * np.sin(2 * np.pi * tone_hz * time_s) for tone_hz in _TONES_HZ]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE_HZ)
        out.writeframes((np.concatenate(tones) * 0.6 * 32767).astype("<i2").tobytes())
    file.seek(0)
    return file
