# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Export torchvision's classifiers with random weights, and leave what PyTorch answers to the pictures.

usage: export_torchvision.py FOLDER
"""

import sys
import warnings

import torch
import torchvision
from PIL import Image
from torchvision.transforms._presets import ImageClassification

import pictures

NETWORKS = ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "squeezenet1_1"]
# Of which torchvision's preprocessing cuts 224 × 224 out of the middle.
SIZES = [(256, 256), (352, 256), (256, 311)]
EXPORTERS = ["torchscript", "dynamo"]
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
# What logits are brought to, so that probabilities are neither all alike nor 0 and 1.
DEVIATION = 2.0


class Pixels(torch.nn.Module):
    """A network that takes pixels of 0 to 255 as they are, NHWC, and scales them itself."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(IMAGENET["mean"])[:, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET["std"])[:, None, None])

    def forward(self, pixels):
        x = pixels.permute(0, 3, 1, 2).float() / 255
        return self.network((x - self.mean) / self.std)


class OneNumber(torch.nn.Module):
    """Of a network for several classes, one for two: the difference of two logits, or its sigmoid."""

    def __init__(self, network, end=torch.nn.Identity()):
        super().__init__()
        self.network, self.end = network, end

    def forward(self, x):
        logits = self.network(x)
        return self.end(logits[:, 1:2] - logits[:, 0:1])


def transform():
    """What torchvision's weights come with."""
    return ImageClassification(crop_size=224, resize_size=256)


def network(name, x):
    """A network with random weights for which pictures make a difference."""
    torch.manual_seed(0)
    return calibrate(getattr(torchvision.models, name)(weights=None, num_classes=pictures.CLASSES), x)


def calibrate(model, x):
    """Gives a network the statistics of pictures, and a head for which they make a difference."""
    with torch.no_grad():
        # Statistics of pictures, without which what a deep network makes of them dies away.
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1
        model.train()(x)
        model.eval()
        logits = model(x)
        head = [m for m in model.modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d))][-1]
        varying = (logits - logits.mean(0)).std()
        head.weight.mul_(DEVIATION / varying)
        head.bias.sub_(model(x).mean(0))
    return model


def export(model, example, path, exporter):
    names = {"input_names": ["input"], "output_names": ["output"]}
    if exporter == "dynamo":
        torch.onnx.export(model, (example,), path, dynamo=True, external_data=False, verbose=False,
                          dynamic_shapes=({0: torch.export.Dim("N")},), **names)
        return
    torch.onnx.export(model, (example,), path, dynamo=False, opset_version=17, dynamic_axes={"input": {0: "N"}, "output": {0: "N"}}, **names)


def variants(model, name):
    """The forms in which a network is exported: name, module, whether it takes pixels, flags, what it yields."""
    yield name, model, False, [], "logits"
    if name != "resnet18":
        return
    yield "resnet18_softmax", torch.nn.Sequential(model, torch.nn.Softmax(1)), False, [], "probabilities"
    yield "resnet18_logsoftmax", torch.nn.Sequential(model, torch.nn.LogSoftmax(1)), False, [], "logProbabilities"
    yield "resnet18_sigmoid", OneNumber(model, torch.nn.Sigmoid()), False, [], "sigmoid"
    yield "resnet18_logit", OneNumber(model), False, ["--output", "logit"], "logit"
    crop = ["--input-resize", "Crop", "--input-scale", "1"]
    yield "resnet18_uint8", Pixels(model), True, crop, "logits"


def probabilities(output, yields):
    output = output.double()
    match yields:
        case "logits":
            return output.softmax(1)
        case "logProbabilities":
            return output.exp()
        case "logit":
            output = output.sigmoid()
    return torch.cat([1 - output, output], 1) if output.shape[1] == 1 else output


def main(folder):
    warnings.filterwarnings("ignore")
    paths = pictures.write(folder, SIZES)
    images = [Image.open(path).convert("RGB") for path in paths]
    x = torch.stack([transform()(image) for image in images])
    cut = torchvision.transforms.Compose([torchvision.transforms.Resize(256), torchvision.transforms.CenterCrop(224), torchvision.transforms.PILToTensor()])
    pixels = torch.stack([cut(image) for image in images]).permute(0, 2, 3, 1).contiguous()
    for base in NETWORKS:
        for name, model, takes_pixels, flags, yields in variants(network(base, x), base):
            model.eval()
            example = pixels if takes_pixels else x
            with torch.no_grad():
                answers = probabilities(model(example), yields)
            reading = {"size": 224, "shorter_side": 256, "layout": "NCHW", "scale": 1 / 255, **IMAGENET}
            if takes_pixels:
                reading = {"size": 224, "shorter_side": 256, "layout": "NHWC", "scale": 1, "mean": [0] * 3, "std": [1] * 3}
            for exporter in EXPORTERS:
                export(model, example[:2], f"{folder}/{name}_{exporter}.onnx", exporter)
                pictures.leave(folder, f"{name}_{exporter}", paths=paths, flags=flags, answers=answers.numpy(), yields=yields, **reading)
                print(f"exported {name}_{exporter}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
