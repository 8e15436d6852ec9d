# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Export a small classifier of torchvision's kind and one of Keras's, with random weights, for the end-to-end tests.

usage: KERAS_BACKEND=torch export_small.py test/e2e/testdata/exports

Leaves the exports, pictures as large as what they are resized to, and answers.json: of each export the probabilities that ONNX
Runtime computes from each picture, prepared by Pillow and numpy.
"""

import json
import pathlib
import sys
import warnings

import keras
import torch
import torchvision
from PIL import Image

import check
import export_keras
import export_torchvision
import pictures

CLASSES = 3
SIZE = 64
SHORTER_SIDE = round(SIZE * 256 / 224)  # what torchvision's networks of this size would be trained with


def draw(folder, sizes, seed):
    paths = [folder / f"{width}x{height}-{seed + i}.jpg" for i, (width, height) in enumerate(sizes)]
    for i, path in enumerate(paths):
        pictures.draw(*sizes[i], seed + i).save(path, quality=92)
    return paths


def export_shufflenet(folder):
    """ShuffleNet v2 with a fraction of the channels of the smallest that torchvision names."""
    paths = draw(folder, [(SHORTER_SIDE, SHORTER_SIDE + 23), (SHORTER_SIDE + 11, SHORTER_SIDE), (SHORTER_SIDE, SHORTER_SIDE)], 0)
    transform = torchvision.transforms._presets.ImageClassification(crop_size=SIZE, resize_size=SHORTER_SIDE)
    x = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])
    torch.manual_seed(0)
    model = torchvision.models.ShuffleNetV2([2, 2, 2], [8, 16, 32, 64, 128], num_classes=CLASSES)
    export_torchvision.export(export_torchvision.calibrate(model, x), x[:2], folder / "torchvision.onnx", "dynamo")
    return "torchvision.onnx", paths, "logits", {"size": SIZE, "shorter_side": SHORTER_SIDE, "layout": "NCHW", "scale": 1 / 255, **export_torchvision.IMAGENET}


def export_mobilenet(folder):
    """MobileNet with a tenth of its channels."""
    paths = draw(folder, [(SIZE, SIZE)] * 3, 3)
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNet(alpha=0.1, weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    loaded = [keras.utils.img_to_array(keras.utils.load_img(path)) for path in paths]
    export_keras.calibrate(model, keras.applications.mobilenet.preprocess_input(keras.ops.convert_to_numpy(keras.ops.stack(loaded))))
    model.export(folder / "keras.onnx", format="onnx", verbose=False)
    return "keras.onnx", paths, "probabilities", {**export_keras.CENTERED, "size": SIZE}


def main(folder):
    warnings.filterwarnings("ignore")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    recorded = {}
    for export in (export_shufflenet, export_mobilenet):
        name, paths, yields, reading = export(folder)
        answers = check.ask_onnxruntime(folder / name, yields, reading, paths)
        pictures.check_distance(name, answers)
        recorded[name] = {path.name: [float(f"{p:.7f}") for p in row] for path, row in zip(paths, answers)}
    (folder / "answers.json").write_text(json.dumps(recorded, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
