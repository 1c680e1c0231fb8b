"""One camera's post: who is the same visit."""

import numpy as np
import pytest

from maskwatch.app.live.build import post_of
from maskwatch.app.live.post import Post
from maskwatch.app.live.replay import FootageClock
from maskwatch.app.site.tables import CameraTable, Site
from maskwatch.types import MaskState
from tests.conftest import faces_at, result_of

PICTURE = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
FACE = faces_at([[50.0, 20.0, 90.0, 70.0]], [[0.03, 0.95, 0.02]])


def watched_by(**camera: object) -> Post:
    table = CameraTable(name="desk", source="0", **camera)  # type: ignore[arg-type]
    return post_of(Site(camera=(table,)), table, FootageClock(), "run")


def visits(post: Post, spans_s: list[tuple[float, float]], rate: float) -> int:
    """How many come of a face that is in sight in these spans."""
    total = 0
    for begin_s, end_s in spans_s:
        for step in range(round((end_s - begin_s) * rate) + 1):
            total += len(post.take(result_of(PICTURE, FACE), begin_s + step / rate).visits)
    return total + len(post.close(spans_s[-1][1]).visits)


@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        pytest.param({}, 2, id="two seconds by default"),
        pytest.param({"patience": 5.0}, 1, id="as long as is asked for"),
    ],
)
def test_who_comes_back_in_time_is_the_same_visit(camera: dict[str, float], expected: int) -> None:
    assert visits(watched_by(**camera), [(0.0, 3.0), (6.5, 9.0)], rate=5) == expected


def test_a_camera_of_one_frame_a_second_judges_too() -> None:
    post = watched_by(rate=1.0)
    assert visits(post, [(0.0, 6.0)], rate=1) == 1
    post = watched_by(rate=1.0)
    for step in range(3):
        post.take(result_of(PICTURE, FACE), float(step))
    assert [person.state for person in post.people] == [MaskState.NO_MASK]


def test_a_camera_that_sends_less_than_was_wished_for_judges_too() -> None:
    """One that is decoded at key frames alone, say."""
    assert visits(watched_by(rate=5.0), [(0.0, 60.0)], rate=0.25) == 1
