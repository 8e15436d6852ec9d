# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Check a model against the ONNX standard and run it in ONNX Runtime.

usage: onnxruntime_run.py MODEL INPUT OUTPUT DIM...

INPUT and OUTPUT are files of float32 in the machine's byte order; the DIMs are the input's shape. Prints the output's
shape.
"""

import sys

import numpy
import onnx
import onnxruntime


def main(model, source, target, *shape):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = numpy.fromfile(source, dtype=numpy.float32).reshape([int(d) for d in shape])
    (y,) = session.run(None, {session.get_inputs()[0].name: x})
    y.astype(numpy.float32).tofile(target)
    print(*y.shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
