# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Export torchvision's and Keras's classifiers without their weights, for the tests of internal/onnx.

usage: export.py FOLDER

Needs the packages of requirements.txt beside it. The graphs are what PyTorch's exporters write; weights of more than 64
elements are taken out, and the test fills them with random numbers, so that the files are small enough to commit.
"""

import os
import pathlib
import sys
import warnings

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy
import onnx
import torch
import torchvision
from torchvision.models import convnext, maxvit, swin_transformer, vision_transformer

# name: exporter, opset, image size, batch normalization kept, options of the model
NETWORKS = {
    "densenet121": ("torchscript", 17, 64, True, {}),
    "efficientnet_b0": ("dynamo", 18, 96, False, {}),
    "convnext": ("torchscript", 17, 64, False, {}),
    "convnext_dynamo": ("dynamo", 20, 64, False, {}),
    "googlenet": ("torchscript", 14, 96, True, {"aux_logits": False, "init_weights": False}),
    "inception_v3": ("dynamo", 20, 128, False, {"aux_logits": False, "init_weights": False}),
    "maxvit": ("torchscript", 16, 64, False, {}),
    "maxvit_dynamo": ("dynamo", 18, 64, False, {}),
    "mnasnet0_5": ("torchscript", 15, 96, True, {}),
    "mobilenet_v2": ("torchscript", 10, 96, False, {}),
    "mobilenet_v3_large": ("torchscript", 16, 96, False, {}),
    "mobilenet_v3_small": ("dynamo", 21, 96, False, {}),
    "regnet_y_400mf": ("torchscript", 17, 96, False, {}),
    "resnet18": ("torchscript", 13, 64, False, {}),
    "resnet50": ("torchscript", 9, 96, True, {}),
    "shufflenet_v2_x1_0": ("torchscript", 11, 96, False, {}),
    "squeezenet1_1": ("torchscript", 12, 96, False, {}),
    "swin": ("torchscript", 13, 64, False, {}),
    "swin_dynamo": ("dynamo", 21, 64, False, {}),
    "swin_v2_dynamo": ("dynamo", 18, 64, False, {}),
    "vgg11_bn": ("torchscript", 9, 64, True, {}),
    "vit": ("torchscript", 14, 32, False, {}),
    "vit_dynamo": ("dynamo", 24, 32, False, {}),
}

# name: image size
KERAS_NETWORKS = {"EfficientNetB0": 96, "MobileNetV2": 96, "MobileNetV3Small": 96, "ResNet50": 64}


def swin(version):
    block, merging = {
        1: (swin_transformer.SwinTransformerBlock, swin_transformer.PatchMerging),
        2: (swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2),
    }[version]
    return swin_transformer.SwinTransformer(
        patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=10, block=block, downsample_layer=merging,
    )


# Families whose smallest network is large, with a few narrow layers each.
SMALL = {
    "convnext": lambda: convnext.ConvNeXt([convnext.CNBlockConfig(16, 32, 2), convnext.CNBlockConfig(32, None, 1)], num_classes=10),
    "maxvit": lambda: maxvit.MaxVit(
        input_size=(64, 64), stem_channels=16, partition_size=4, block_channels=[16, 32], block_layers=[1, 2], head_dim=8,
        stochastic_depth_prob=0.0, num_classes=10,
    ),
    "swin": lambda: swin(1),
    "swin_v2": lambda: swin(2),
    "vit": lambda: vision_transformer.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=96, num_classes=10,
    ),
}


def network(name, options):
    small = SMALL.get(name.removesuffix("_dynamo"))
    if small:
        return small().eval()
    model = getattr(torchvision.models, name)(weights=None, **options)
    if name.startswith("vgg"):
        # The full head has a hundred million weights.
        model.avgpool = torch.nn.AdaptiveAvgPool2d(1)
        model.classifier = torch.nn.Sequential(torch.nn.Linear(512, 64), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(64, 10))
    return model.eval()


def export(name, path):
    exporter, opset, size, keep_norm, options = NETWORKS[name]
    model, x = network(name, options), torch.randn(2, 3, size, size)
    names = {"input_names": ["input"], "output_names": ["logits"], "opset_version": opset}
    if exporter == "dynamo":
        batch = torch.export.Dim("N")
        torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=({0: batch},), external_data=False, verbose=False, **names)
    else:
        training = torch.onnx.TrainingMode.PRESERVE if keep_norm else torch.onnx.TrainingMode.EVAL
        torch.onnx.export(
            model, x, path, dynamo=False, training=training, do_constant_folding=not keep_norm,
            dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, **names,
        )


def export_keras(name, path):
    size = KERAS_NETWORKS[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    model(numpy.zeros((1, size, size, 3), "float32"))
    model.export(path, format="onnx", verbose=False)


def strip(path):
    model = onnx.load(path)
    model.doc_string = ""
    del model.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for tensor in model.graph.initializer:
        tensor.doc_string = ""
        count = 1
        for d in tensor.dims:
            count *= d
        if count > 64 and tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
    onnx.save(model, path)


def main(folder):
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    exports = [(name, export, name) for name in NETWORKS]
    exports += [(f"keras_{name.lower()}", export_keras, name) for name in KERAS_NETWORKS]
    for file, write, name in exports:
        path = pathlib.Path(folder) / f"{file}.onnx"
        write(name, str(path))
        strip(str(path))
        print(file, path.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
