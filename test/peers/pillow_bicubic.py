# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""pillow_bicubic.py FILE records what Pillow makes of pictures by its bicubic filter, for TestResizeAgrees of internal/preprocess."""

import json
import pathlib
import sys

import numpy as np
from PIL import Image

SIZES = [(20, 13, 8), (5, 4, 8), (8, 8, 8), (100, 3, 8), (1, 1, 8), (67, 91, 16), (90, 120, 16)]


def pattern(width, height):
    """The picture that the test draws."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 37 + y * 91, x * 71 + y * 29 + 53, x * 13 + y * 17 + 106], -1).astype(np.uint8)


def main(file):
    recorded = []
    for width, height, size in SIZES:
        resized = Image.fromarray(pattern(width, height)).resize((size, size), Image.Resampling.BICUBIC)
        recorded.append({"width": width, "height": height, "size": size, "pixels": np.asarray(resized).tobytes().hex()})
    pathlib.Path(file).write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
