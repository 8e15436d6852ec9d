# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""What the Python peers share: pictures become tensors, and networks answer.

The environment says what is served: NETWORK, MODEL (an ONNX file, or a PyTorch state), ENGINE (onnxruntime or torch), and
THREADS, those of one inference; 0 leaves it to the engine.
"""

import io
import os

import numpy
from PIL import Image

SIZE = 224
CLASSES = ("cat", "dog")
MEAN = numpy.array((0.485, 0.456, 0.406), dtype=numpy.float32)
STD = numpy.array((0.229, 0.224, 0.225), dtype=numpy.float32)
FACTOR = 1 / (255 * STD)
SHIFT = -MEAN / STD

THREADS = int(os.environ.get("THREADS", "0"))


def tensor(data):
    """A picture's file as an array of shape [3, SIZE, SIZE]; large JPEGs are decoded reduced."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (2 * SIZE, 2 * SIZE))
    if image.mode != "RGB":
        image = image.convert("RGB")
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    x = numpy.asarray(image, dtype=numpy.float32)
    x = x * FACTOR + SHIFT
    return numpy.ascontiguousarray(x.transpose(2, 0, 1))


def answers(logits):
    """The answers to the pictures of a batch."""
    logits = numpy.asarray(logits, dtype=numpy.float64)
    e = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    found = []
    for row in e / e.sum(axis=1, keepdims=True):
        best = int(row.argmax())
        found.append({"class": CLASSES[best], "confidence": float(row[best]), "probabilities": dict(zip(CLASSES, row.tolist()))})
    return found


def onnxruntime_network():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if THREADS:
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def torch_module(network):
    from torch import nn

    if network == "mobilenetv2":
        import torchvision

        return torchvision.models.mobilenet_v2(weights=None, num_classes=len(CLASSES))
    layers, channels = [], 3
    for out in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, len(CLASSES)))


def torch_network():
    import torch

    if THREADS:
        torch.set_num_threads(THREADS)
    module = torch_module(os.environ["NETWORK"])
    module.load_state_dict(torch.load(os.environ["MODEL"]))
    module = module.eval().to(memory_format=torch.channels_last)

    def run(x):
        with torch.inference_mode():
            return module(torch.from_numpy(x).to(memory_format=torch.channels_last)).numpy()

    return run


def load():
    """A function from a batch of shape [n, 3, SIZE, SIZE] to its logits, which has computed once."""
    network = torch_network() if os.environ.get("ENGINE") == "torch" else onnxruntime_network()
    network(numpy.zeros((1, 3, SIZE, SIZE), dtype=numpy.float32))
    return network
