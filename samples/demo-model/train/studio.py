"""The studio's modules, found beside this folder."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "studio"))

import clips  # noqa: E402,F401
import textures  # noqa: E402,F401

HELD_OUT = 1_000_000_000  # seeds from here on are never trained on
EVAL_CLIPS = range(HELD_OUT, HELD_OUT + 8)
EVAL_PICTURES = range(HELD_OUT + 1000, HELD_OUT + 1024)
