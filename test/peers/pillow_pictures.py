# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""pillow_pictures.py FOLDER writes pictures in many variants of each format, with what Pillow makes of them.

manifest.json lists them: name, format, variant, file, and either Pillow's pixels (rgb, a file; width, height, orientation) or its error
(pillowError). Of JPEGs there are also the pixels that libjpeg's scaled decoding makes (reduced, files by denominator). refusal, if set, is the kind of error and a word of it with which a variant is to be refused.
"""

import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image, ImageOps

from pictures import variants

SIZE = 16  # of the resized pictures


def pixels(data):
    """Pillow's pixels as stored, and what it makes of them upright and at the network's size."""
    stored = Image.open(io.BytesIO(data))
    stored.load()
    orientation = stored.getexif().get(0x0112, 1)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    resized = upright.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return stored.convert("RGB"), orientation if orientation in range(1, 9) else 1, resized


def reduced(data, denominator):
    """What Image.draft makes, which chooses the denominator by itself."""
    im = Image.open(io.BytesIO(data))
    tile = im.tile[0]
    im._size = tuple(-(-side // denominator) for side in im.size)
    im.tile = [tile._replace(extents=(0, 0, *im._size))]
    im.decoderconfig = (denominator, 0)
    return im.convert("RGB")


def main(folder):
    manifest = []
    for number, variant in enumerate(variants.all_variants()):
        entry = {"format": variant.format, "variant": variant.name, "file": f"{number}.bin", "refusal": variant.refusal}
        (folder / entry["file"]).write_bytes(variant.data)
        try:
            stored, entry["orientation"], resized = pixels(variant.data)
        except Exception as error:  # whatever Pillow raises
            entry["pillowError"] = f"{type(error).__name__}: {error}"
        else:
            entry.update(width=stored.width, height=stored.height, rgb=f"{number}.rgb", resized=f"{number}.resized")
            (folder / entry["rgb"]).write_bytes(np.asarray(stored).tobytes())
            (folder / entry["resized"]).write_bytes(np.asarray(resized).tobytes())
            if variant.format == "jpeg":
                entry["reduced"] = {}
                for denominator in (2, 4, 8):
                    entry["reduced"][denominator] = f"{number}.rgb{denominator}"
                    (folder / entry["reduced"][denominator]).write_bytes(np.asarray(reduced(variant.data, denominator)).tobytes())
        manifest.append(entry)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    print(len(manifest))


main(pathlib.Path(sys.argv[1]))
