# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""The pictures that the exports are asked about, and what an export's script leaves of it for check.py.

Pictures are as large as what they are resized to. The server's filter rounds once and Pillow's twice, so that other pictures
differ by a gray level here and there, of which a deep network with random weights makes anything. How far the two filters
are from each other is tested in internal/preprocess.
"""

import json
import pathlib

import numpy
from PIL import Image

CLASSES = 10
# The probability by which a picture's answer must differ from some other's at least: of less, an agreement tells nothing.
DISTANCE = 0.1


def draw(width, height, seed):
    """A photograph of sorts: soft shapes in many colors, edges, and noise."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[:height, :width] / max(width, height)
    picture = numpy.stack([120 + 60 * numpy.sin(random.uniform(3, 9) * x + random.uniform(3, 9) * y + phase) for phase in random.uniform(0, 6, 3)], -1)
    for _ in range(12):
        center, radius, color = random.uniform(0, 1, 2), random.uniform(0.05, 0.3), random.uniform(0, 255, 3)
        picture[(x - center[0]) ** 2 + (y - center[1]) ** 2 < radius**2] = color
    picture += random.normal(0, 8, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(numpy.uint8))


def write(folder, sizes):
    """Writes a JPEG and a PNG of each size to a folder, unless they are there, and returns their paths."""
    folder = pathlib.Path(folder, "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed, (width, height) in enumerate(sizes):
        for kind in ("jpg", "png"):
            path = folder / f"{width}x{height}-{seed}.{kind}"
            if not path.exists():
                draw(width, height, 2 * seed + (kind == "png")).save(path, quality=92)
            paths.append(path)
    return paths


def check_distance(name, answers):
    """Raises an error if a picture's answer is like all others."""
    spread = numpy.abs(answers[:, None] - answers[None]).max(-1).max(1).min()
    if spread < DISTANCE:
        raise ValueError(f"{name}: a picture's answer is within {spread:.4f} of all others, which tells nothing")


def leave(folder, name, *, paths, flags=(), answers, yields, **reading):
    """Leaves what check.py needs of an export: the pictures, the flags that it is served with, how pictures become its input,
    and what the framework answers to each, as probabilities of the classes."""
    answers = numpy.asarray(answers, numpy.float64)
    check_distance(name, answers)
    document = {"pictures": [str(path) for path in paths], "flags": list(flags), "yields": yields, "answers": answers.tolist(), "reading": reading}
    pathlib.Path(folder, name + ".json").write_text(json.dumps(document))
