# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""The peers of bench-engine.

peers.py export FOLDER                       writes the models that all are measured on
peers.py quantize MODEL TARGET               writes a model with 8 bits, as ONNX Runtime's tool does
peers.py ort MODEL THREADS BATCH             inference by ONNX Runtime
peers.py torch MODEL THREADS BATCH           inference of BaselineCNN by PyTorch, channels last
peers.py train SIZE THREADS BATCH DTYPE      training of BaselineCNN by PyTorch, float32 or bfloat16 (autocast)

A worker answers each line on its standard input by one on its standard output: the milliseconds of wall and of processor
time that an image took.
"""

import resource
import sys
import time


def baseline_cnn():
    from torch import nn

    layers, channels = [], 3
    for out in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, 2))


def export(folder):
    import warnings

    import torch
    import torchvision

    warnings.simplefilter("ignore")
    torch.manual_seed(1)
    networks = {
        "baseline": baseline_cnn(),
        "resnet50": torchvision.models.resnet50(weights=None),
        "mobilenetv2": torchvision.models.mobilenet_v2(weights=None),
    }
    for name, network in networks.items():
        torch.onnx.export(
            network.eval(), torch.randn(1, 3, 224, 224), f"{folder}/{name}.onnx", dynamo=False, input_names=["input"],
            output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
        )


def quantize(model, target):
    import logging

    import numpy as np
    from onnxruntime import quantization

    class Images(quantization.CalibrationDataReader):
        def __init__(self):
            self.batches = iter([{"input": np.random.default_rng(2).standard_normal((8, 3, 224, 224), dtype=np.float32)}])

        def get_next(self):
            return next(self.batches, None)

    logging.disable(logging.WARNING)
    quantization.quantize_static(
        model, target, Images(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
    )


def ort(model, threads, batch):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).standard_normal((int(batch), 3, 224, 224), dtype=np.float32)
    return lambda: session.run(None, {"input": x})


def torch_inference(_, threads, batch):
    import torch

    torch.set_num_threads(int(threads))
    network = baseline_cnn().eval().to(memory_format=torch.channels_last)
    x = torch.randn(int(batch), 3, 224, 224).to(memory_format=torch.channels_last)

    def step():
        with torch.inference_mode():
            network(x)

    return step


def training(size, threads, batch, dtype):
    import torch

    torch.set_num_threads(int(threads))
    network = baseline_cnn().train().to(memory_format=torch.channels_last)
    x = torch.randn(int(batch), 3, int(size), int(size)).to(memory_format=torch.channels_last)
    labels = torch.arange(int(batch)) % 2
    optimizer = torch.optim.AdamW(network.parameters())
    loss = torch.nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bfloat16"):
            value = loss(network(x), labels)
        value.backward()
        optimizer.step()

    return step


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    mode, *arguments = sys.argv[1:]
    if mode in ("export", "quantize"):
        {"export": export, "quantize": quantize}[mode](*arguments)
        return
    step = {"ort": ort, "torch": torch_inference, "train": training}[mode](*arguments)
    batch = int(arguments[2])
    step()
    start = time.perf_counter()
    step()
    repeats = max(1, int(0.1 / (time.perf_counter() - start)))
    print("ready", flush=True)
    for _ in sys.stdin:
        processor, wall = processor_time(), time.perf_counter()
        for _ in range(repeats):
            step()
        wall, processor = time.perf_counter() - wall, processor_time() - processor
        print(wall * 1e3 / repeats / batch, processor * 1e3 / repeats / batch, flush=True)


main()
