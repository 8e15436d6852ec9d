# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Write small models in ONNX's binary form, and what ONNX Runtime computes with them.

usage: onnxruntime_operators.py CASES FOLDER

Each line of CASES is a name, an opset and a graph in the standard's text form, whose first input is a batch "x" and whose
output is "y". The other inputs become random weights; that of a name that begins with "p" is positive. For each case
FOLDER receives NAME.onnx, NAME.input and NAME.output, the latter two of float32 in the machine's byte order.
"""

import os
import sys

import numpy
import onnx
import onnxruntime

BATCH = 2


def tensor(random, value):
    shape = [d.dim_value or BATCH for d in value.type.tensor_type.shape.dim]
    data = random.standard_normal(shape)
    return (numpy.abs(data) + 0.1 if value.name.startswith("p") else data).astype(numpy.float32)


def main(cases, folder):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    for line in open(cases, encoding="utf-8"):
        if not line.strip() or line.startswith("#"):
            continue
        name, opset, text = line.split(maxsplit=2)
        graph = onnx.parser.parse_graph(text)
        random = numpy.random.default_rng(0)
        x = tensor(random, graph.input[0])
        for value in graph.input[1:]:
            graph.initializer.append(onnx.numpy_helper.from_array(tensor(random, value), value.name))
        del graph.input[1:]
        graph.output[0].type.tensor_type.ClearField("shape")  # ONNX Runtime infers it
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", int(opset))], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {"x": x})
        path = os.path.join(folder, name)
        onnx.save(model, path + ".onnx")
        x.tofile(path + ".input")
        y.astype(numpy.float32).tofile(path + ".output")


if __name__ == "__main__":
    main(*sys.argv[1:])
