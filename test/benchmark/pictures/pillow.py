# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decodes and resizes pictures with Pillow on one thread, as torchvision's loader does.

Reads lines of SIZE and the files' paths, separated by tabs, and answers each with the nanoseconds a picture that decoding
took, and decoding and resizing.
"""

import io
import pathlib
import sys
import time

from PIL import Image, features


def main() -> None:
    print(f"Pillow {Image.__version__} with libjpeg-turbo {features.version_feature('libjpeg_turbo')}", flush=True)
    for line in sys.stdin:
        size, *paths = line.rstrip("\n").split("\t")
        files = [pathlib.Path(path).read_bytes() for path in paths]
        decoding = resizing = 0
        for data in files:
            start = time.perf_counter_ns()
            picture = Image.open(io.BytesIO(data)).convert("RGB")
            decoded = time.perf_counter_ns()
            picture.resize((int(size), int(size)), Image.Resampling.BILINEAR)
            resizing += time.perf_counter_ns() - decoded
            decoding += decoded - start
        print(decoding // len(files), (decoding + resizing) // len(files), flush=True)


if __name__ == "__main__":
    main()
