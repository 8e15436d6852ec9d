# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Run torchvision's classifiers in this project's engine and in ONNX Runtime, and compare their logits.

usage: compare.py ENGINE FOLDER [NETWORK...]

The smallest network of each of torchvision's families, with random weights, is exported by both of PyTorch's exporters at
several opsets. Each export runs on two different pictures. It is "run" if it agrees with ONNX Runtime: logits within 1e-3 of
the largest, or 1e-4 for the families with layer normalization, and probabilities, of logits scaled to 10, within 1e-4. It is
"refused" if the engine refuses it by naming what it does not support, and "wrong" otherwise. What an exporter refuses is
"not exported". Results are kept in FOLDER/results.jsonl; what is there is not done again. Exits with
1 if anything is wrong.
"""

import collections
import contextlib
import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
import onnxruntime
import torch
import torchvision

# The smallest network of each family, and one with each of the normalizations that no family uses.
NETWORKS = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3", "maxvit_t",
    "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnext50_32x4d",
    "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11", "vit_b_32", "wide_resnet50_2",
    "resnet18_groupnorm", "resnet18_instancenorm",
]
OPSETS = {"torchscript": [9, 11, 14, 17, 20], "dynamo": [18, 21, 24]}
OPTIONS = {"googlenet": {"aux_logits": False, "init_weights": False}, "inception_v3": {"aux_logits": False, "init_weights": False}}
NORMS = {"groupnorm": lambda n: torch.nn.GroupNorm(32, n), "instancenorm": lambda n: torch.nn.InstanceNorm2d(n, affine=True)}
# How far logits, relative to the largest, and probabilities may be from ONNX Runtime's, as docs/onnx.md promises. That
# leaves room for Winograd's algorithm, which rounds more; networks that have few 3×3 convolutions are held to less.
LOGITS, PRECISE_LOGITS, PROBABILITIES = 1e-3, 1e-4, 1e-4
PRECISE = ["convnext_tiny", "maxvit_t", "swin_t", "swin_v2_t", "vit_b_32"]
USUAL_LOGIT = 10
NAMES = {"input_names": ["input"], "output_names": ["logits"]}


def network(name, size):
    """A network for pictures of a size, whose weights and scales are random, so that all of them matter."""
    torch.manual_seed(0)
    family, _, norm = name.partition("_")
    if norm in NORMS:
        model = getattr(torchvision.models, family)(weights=None, norm_layer=NORMS[norm])
    else:
        model = getattr(torchvision.models, name)(weights=None, **OPTIONS.get(name, {}))
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith("layer_scale"):
                tensor.uniform_(0.1, 1)
            elif tensor.dim() == 1 and tensor.is_floating_point() and "running_" not in key:
                tensor.add_(torch.randn_like(tensor) * 0.1)
            elif tensor.dim() > 1 and tensor.is_floating_point() and not tensor.any():
                tensor.normal_(0, 0.02)
        # Statistics of pictures, without which what a deep network makes of them dies away.
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1
        model.train()(torch.from_numpy(pictures(size)))
    return model.eval()


def pictures(size):
    """Two different pictures: noise, and waves of a color that changes."""
    y, x = numpy.mgrid[:size, :size] / size
    waves = numpy.stack([numpy.sin(20 * x + 9 * y), x - y, numpy.cos(31 * y)])
    noise = numpy.random.default_rng(0).standard_normal((3, size, size))
    return numpy.stack([noise, 2 * waves]).astype(numpy.float32)


class Exports:
    """The exports of a network to a file, one after the other."""

    def __init__(self, name, size):
        self.model, self.example = network(name, size), torch.randn(2, 3, size, size)
        self.traced = None

    def write(self, exporter, opset, path):
        if exporter == "torchscript":
            torch.onnx.export(self.model, self.example, path, dynamo=False, opset_version=opset,
                              dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, **NAMES)
            return
        if self.traced is None:
            self.traced = torch.export.export(self.model, (self.example,), dynamic_shapes=({0: torch.export.Dim("N")},))
        torch.onnx.export(self.traced, (), path, dynamo=True, opset_version=opset, external_data=False, verbose=False, **NAMES)


@contextlib.contextmanager
def silence():
    """Sends what exporters write, from C++ too, nowhere."""
    saved, nowhere = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        sys.stdout.flush()
        for stream, original in zip((1, 2), saved):
            os.dup2(original, stream)
            os.close(original)
        os.close(nowhere)


def probabilities(logits):
    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def compare(engine, path, x, folder, limit):
    """The result of a model, whose logits may differ by a limit, and what more there is to say."""
    source, target = os.path.join(folder, "input"), os.path.join(folder, "output")
    x.tofile(source)
    ours = subprocess.run([engine, path, source, target, str(len(x))], capture_output=True, text=True, check=False)
    if ours.returncode != 0:
        return "wrong", ours.stderr.strip()[-500:]
    if ours.stdout.startswith("refused: "):
        reason = ours.stdout.removeprefix("refused: ").strip()
        return ("refused" if re.search(r'node ".*" \(\w+\)|opset \d+ is not supported', reason) else "wrong"), reason
    (want,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"input": x})
    got = numpy.fromfile(target, numpy.float32).reshape(want.shape)
    largest = numpy.abs(want).max()
    difference, distance = numpy.abs(got - want).max() / largest, numpy.abs(want[0] - want[1]).max() / largest
    if not distance > 100 * PRECISE_LOGITS:
        return "wrong", f"the pictures' logits differ by {distance:.1e} only, which tells nothing"
    scale = USUAL_LOGIT / largest
    probability = numpy.abs(probabilities(scale * got) - probabilities(scale * want)).max()
    close = difference <= limit and probability <= PROBABILITIES
    return ("run" if close else "wrong"), f"{difference:.1e} of the largest logit, probabilities {probability:.1e}"


def results(name, engine, done, folder):
    """Yields the result of each export of a network that is not done."""
    size = 299 if name == "inception_v3" else 224
    todo = [(exporter, opset) for exporter, opsets in OPSETS.items() for opset in opsets if (name, exporter, opset) not in done]
    if not todo:
        return
    exports = Exports(name, size)
    for exporter, opset in todo:
        path = os.path.join(folder, "model.onnx")
        result = {"network": name, "exporter": exporter, "opset": opset}
        try:
            with silence():
                exports.write(exporter, opset, path)
        except Exception as error:  # whatever an exporter raises is its refusal
            yield result | {"result": "not exported", "says": str(error).strip().split("\n")[0][:200]}
            continue
        written = next(s.version for s in onnx.load(path).opset_import if s.domain == "")
        outcome, says = compare(engine, path, pictures(size), folder, PRECISE_LOGITS if name in PRECISE else LOGITS)
        yield result | {"written": written, "result": outcome, "says": says}


def main(engine, folder, *names):
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    os.makedirs(folder, exist_ok=True)
    path = pathlib.Path(folder) / "results.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(r["network"], r["exporter"], r["opset"]) for r in found}
    with path.open("a") as kept, tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name in names or NETWORKS:
            for result in results(name, engine, done, scratch):
                found.append(result)
                print(json.dumps(result), file=kept, flush=True)
                print(f"{name:24} {result['exporter']:12} {result['opset']:3} {result['result']:12} {result['says']}", flush=True)
    counts = collections.Counter((r["exporter"], r["result"]) for r in found)
    print(f"\n{'exporter':12} {'run':>12} {'refused':>12} {'wrong':>12} {'not exported':>12}")
    for exporter in OPSETS:
        print(f"{exporter:12} " + " ".join(f"{counts[exporter, r]:12}" for r in ["run", "refused", "wrong", "not exported"]))
    return 1 if any(r["result"] == "wrong" for r in found) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
