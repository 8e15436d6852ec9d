# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Export Keras's classifiers with random weights, and leave what Keras answers to the pictures.

usage: KERAS_BACKEND=torch|tensorflow export_keras.py FOLDER

Keras exports through PyTorch's exporter or, with TensorFlow, through tf2onnx.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy
import onnx

import pictures

SIZE = 96
# Keras draws pictures to the square, whatever their aspect ratio.
STRETCHED = {"size": SIZE, "layout": "NHWC"}
PIXELS = {**STRETCHED, "scale": 1, "mean": [0] * 3, "std": [1] * 3}
CENTERED = {**STRETCHED, "scale": 1 / 127.5, "mean": [1] * 3, "std": [1] * 3}
CAFFE = {**STRETCHED, "scale": 1, "mean": [103.939, 116.779, 123.68], "std": [1] * 3, "order": "BGR"}
CAFFE_FLAGS = ["--input-channel-order", "BGR", "--input-scale", "1", "--input-mean", "103.939,116.779,123.68"]
DEVIATION = 2.0


def load(path):
    return keras.utils.img_to_array(keras.utils.load_img(path, target_size=(SIZE, SIZE), interpolation="bilinear"))


def calibrate(model, x):
    """Gives a network the statistics of pictures, and a head for which they make a difference."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(x, training=True)
    head = [layer for layer in model.layers if layer.weights][-1]
    features = keras.Model(model.inputs, head.input)
    values = keras.ops.convert_to_numpy(features(x, training=False)).reshape(len(x), -1)
    kernel, bias = [keras.ops.convert_to_numpy(w) for w in head.weights]
    logits = values @ kernel.reshape(values.shape[1], -1)
    factor = DEVIATION / (logits - logits.mean(0)).std()
    head.set_weights([kernel * factor, (bias - factor * logits.mean(0)).astype("float32")])


def application(name, **options):
    options = {"weights": None, "input_shape": (SIZE, SIZE, 3), "classes": pictures.CLASSES, **options}
    return getattr(keras.applications, name)(**options)


def small(head, dtype="float32"):
    """A network of a user's own, with the scaling inside."""
    inputs = keras.Input((SIZE, SIZE, 3), dtype=dtype, name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 64):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, head(x))


def networks():
    """Name, network, its preprocessing, flags, how pictures become its input, and what it yields."""
    apps = keras.applications
    dense = keras.layers.Dense
    yield "MobileNetV2", application("MobileNetV2"), apps.mobilenet_v2.preprocess_input, [], CENTERED, "probabilities"
    logits = application("MobileNetV2", classifier_activation=None)
    yield "MobileNetV2_logits", logits, apps.mobilenet_v2.preprocess_input, [], CENTERED, "logits"
    yield "MobileNetV3Small", application("MobileNetV3Small"), apps.mobilenet_v3.preprocess_input, [], PIXELS, "probabilities"
    yield "EfficientNetB0", application("EfficientNetB0"), apps.efficientnet.preprocess_input, [], PIXELS, "probabilities"
    yield "ResNet50", application("ResNet50"), apps.resnet50.preprocess_input, CAFFE_FLAGS, CAFFE, "probabilities"
    yield "own_softmax", small(dense(pictures.CLASSES, activation="softmax")), numpy.copy, [], PIXELS, "probabilities"
    yield "own_sigmoid", small(dense(1, activation="sigmoid")), numpy.copy, [], PIXELS, "sigmoid"
    yield "own_logit", small(dense(1)), numpy.copy, ["--output", "logit"], PIXELS, "logit"
    uint8 = small(dense(pictures.CLASSES, activation="softmax"), "uint8")
    yield "own_uint8", uint8, lambda x: x.round().astype("uint8"), [], PIXELS, "probabilities"


def probabilities(output, yields):
    output = output.astype(numpy.float64)
    if yields == "logits":
        powers = numpy.exp(output - output.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)
    if yields == "logit":
        output = 1 / (1 + numpy.exp(-output))
    return numpy.concatenate([1 - output, output], 1) if output.shape[1] == 1 else output


def main(folder):
    keras.utils.set_random_seed(0)
    paths = pictures.write(folder, [(SIZE, SIZE)] * 3)
    loaded = numpy.stack([load(path) for path in paths])
    backend = keras.backend.backend()
    for name, model, preprocess, flags, reading, yields in networks():
        x = preprocess(loaded.copy())
        calibrate(model, x)
        answers = keras.ops.convert_to_numpy(model(x, training=False))
        file = f"keras_{name}_{backend}"
        path = pathlib.Path(folder, f"{file}.onnx")
        model.export(path, format="onnx", verbose=False)
        others = [given.name for given in onnx.load(path, load_external_data=False).graph.input][1:]
        if others:  # tf2onnx takes some constants of Keras's Normalization for inputs, which nothing could run
            print(f"not exported {file}: it asks for {', '.join(others)} besides the picture", flush=True)
            path.unlink()
            continue
        pictures.leave(folder, file, paths=paths, flags=flags, answers=probabilities(answers, yields), yields=yields, **reading)
        print(f"exported {file}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
