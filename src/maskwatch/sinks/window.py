"""A window on the screen, through SDL: OpenCV's headless build has none."""

import os
from types import TracebackType
from typing import Self

from maskwatch.draw import annotate
from maskwatch.errors import MissingExtra, SinkError
from maskwatch.images import resize
from maskwatch.types import Enough, Image, Result

_SCREEN_SHARE = 0.9


class WindowSink:
    """Shows results; a photo waits for a key, frames of videos and cameras pass.

    Raises:
        MissingExtra: pygame is not installed.
        SinkError: there is no display.
    """

    def __init__(self) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError as error:
            raise MissingExtra("--show needs an extra: pip install 'maskwatch[window]'") from error
        self._pygame = pygame
        try:
            pygame.display.init()
            sizes = pygame.display.get_desktop_sizes()
        except pygame.error as error:
            raise SinkError(f"cannot open a window: {error}; is there a display?") from error
        self._most_wh = tuple(int(side * _SCREEN_SHARE) for side in sizes[0])
        self._surface: pygame.Surface | None = None

    def write(self, result: Result) -> None:
        """Show one result.

        Raises:
            Enough: q, Esc or the window's close button.
        """
        if result.image is not None:
            self._show(annotate(result.image, result.faces), result.path)
            self._handle_keys(wait=result.source.still)

    def _show(self, image: Image, title: str) -> None:
        pygame = self._pygame
        height, width = image.shape[:2]
        scale = min(1.0, self._most_wh[0] / width, self._most_wh[1] / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if self._surface is None or self._surface.get_size() != size:
            self._surface = pygame.display.set_mode(size)
        pygame.display.set_caption(f"{title} - maskwatch")
        pixels = resize(image, *size)
        self._surface.blit(pygame.image.frombuffer(pixels.tobytes(), size, "RGB"), (0, 0))
        pygame.display.flip()

    def _handle_keys(self, *, wait: bool) -> None:
        pygame = self._pygame
        while True:
            # A short wait, so that Ctrl-C in the terminal gets through.
            event = pygame.event.wait(100) if wait else pygame.event.poll()
            if event.type == pygame.QUIT:
                raise Enough
            if event.type == pygame.KEYDOWN:
                if event.key in (pygame.K_q, pygame.K_ESCAPE):
                    raise Enough
                return
            if event.type == pygame.NOEVENT and not wait:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pygame.display.quit()
