"""What the classic classifier says of given boxes; in the classic environment, for accuracy.py.

    /tmp/venv-classic/bin/python benchmarks/classic_boxes.py FACES.json PROBABILITIES.npy

FACES.json is a list of [path, [[x1, y1, x2, y2], ...]]; the table has a row a face: mask, no mask.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from classic_loop import Classic


def main() -> None:
    """Judge each face as the classic loop does."""
    classic, rows = Classic(300), []
    for path, boxes in json.loads(Path(sys.argv[1]).read_text()):
        picture = cv2.imread(path)
        height, width = picture.shape[:2]
        clipped = [
            (max(0, int(x1)), max(0, int(y1)), min(width, round(x2)), min(height, round(y2)))
            for x1, y1, x2, y2 in boxes
        ]
        rows.append(classic.classify(picture, clipped))
    np.save(sys.argv[2], np.concatenate(rows))


if __name__ == "__main__":
    main()
