"""Is what we re-expressed what Keras does? Layer by layer, picture by picture, step by step.

Runs Keras in the classic environment (benchmarks/setup_classic), then the same here, and prints
the largest difference of each part. Usage: scripts/bench keras_parity
"""

import os
from pathlib import Path

CLASSIC = Path(os.environ.get("MASKWATCH_CLASSIC", "/tmp/venv-classic")) / "bin/python"
