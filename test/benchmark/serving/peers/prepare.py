# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Write what the peers serve, from a model of the runner.

usage: prepare.py BASELINE PICTURES OUT

BASELINE is the float32 model.onnx of a run of BaselineCNN, PICTURES a folder of class folders with its pictures. Writes to OUT the
networks as PyTorch states, MobileNetV2 as ONNX with the same preprocessing, and both with 8 bits by ONNX Runtime's tool.
"""

import glob
import logging
import sys
import warnings

import common
import numpy
import onnx
import torch
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

PER_CLASS = 32


def pictures(folder):
    x, labels = [], []
    for label, name in enumerate(common.CLASSES):
        for path in sorted(glob.glob(f"{folder}/{name}/*.jpg"))[:PER_CLASS]:
            with open(path, "rb") as file:
                x.append(common.tensor(file.read()))
            labels.append(label)
    return torch.from_numpy(numpy.stack(x)), torch.tensor(labels)


def baseline(path):
    """BaselineCNN in PyTorch with the weights of an ONNX file, whose layers are in the same order."""
    graph = onnx.load(path).graph
    weights = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in graph.initializer}
    layers = {"Conv": [], "BatchNormalization": [], "Gemm": []}
    for node in graph.node:
        if node.op_type in layers:
            layers[node.op_type].append([weights[name] for name in node.input[1:]])
    module = common.torch_module("baseline").eval()
    with torch.no_grad():
        for layer in module:
            if isinstance(layer, torch.nn.Conv2d):
                weight, *bias = layers["Conv"].pop(0)
                layer.weight.copy_(weight)
                assert not bias, "the convolutions of BaselineCNN have no bias"
            elif isinstance(layer, torch.nn.BatchNorm2d):
                for target, value in zip((layer.weight, layer.bias, layer.running_mean, layer.running_var), layers["BatchNormalization"].pop(0)):
                    target.copy_(value)
            elif isinstance(layer, torch.nn.Linear):
                weight, bias = layers["Gemm"].pop(0)
                layer.weight.copy_(weight if weight.shape == layer.weight.shape else weight.T)
                layer.bias.copy_(bias)
    assert not any(layers.values()), "the file has layers that BaselineCNN has not"
    return module


def mobilenet(x, labels):
    """MobileNetV2 of random layers, whose last was trained a little: its answers depend on the picture."""
    torch.manual_seed(1)
    module = common.torch_module("mobilenetv2")
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    with torch.no_grad():
        module.train()
        for _ in range(2):
            module.features(x)
        module.eval()
        features = module.features(x).mean((2, 3))
    head = module.classifier[1]
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(head(features), labels).backward()
        optimizer.step()
    # Random layers make of a gray level, by which decoders differ, what a trained network would not.
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(0.02)
    return module


def export(module, path, like):
    torch.onnx.export(
        module, torch.randn(1, 3, common.SIZE, common.SIZE), path, dynamo=False, input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
    )
    file = onnx.load(path)
    for entry in onnx.load(like).metadata_props:
        if entry.key.startswith("trainyard."):
            file.metadata_props.append(entry)
    onnx.save(file, path)


class Images(quantization.CalibrationDataReader):
    def __init__(self, name, x):
        self.batches = iter([{name: row[None]} for row in x.numpy()])

    def get_next(self):
        return next(self.batches, None)


def quantize(path, target, x):
    prepared = target + ".prepared"
    quant_pre_process(path, prepared)
    name = onnx.load(prepared).graph.input[0].name
    quantization.quantize_static(
        prepared, target, Images(name, x), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
    )


def main(model, folder, out):
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    x, labels = pictures(folder)
    torch.save(baseline(model).state_dict(), f"{out}/baseline.pt")
    module = mobilenet(x, labels).eval()
    torch.save(module.state_dict(), f"{out}/mobilenetv2.pt")
    export(module, f"{out}/mobilenetv2.onnx", model)
    quantize(model, f"{out}/baseline-int8-ort.onnx", x)
    quantize(f"{out}/mobilenetv2.onnx", f"{out}/mobilenetv2-int8-ort.onnx", x)


main(*sys.argv[1:])
