# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Quantize a model to 8 bits with ONNX Runtime, as QuantizeLinear and DequantizeLinear (QDQ).

usage: onnxruntime_quantize.py MODEL INPUT TARGET DIM...

INPUT is a file of float32 to calibrate with; the DIMs are its shape.
"""

import sys

import numpy
from onnxruntime import quantization


class Samples(quantization.CalibrationDataReader):
    def __init__(self, name, x):
        self.batches = iter([{name: x}])

    def get_next(self):
        return next(self.batches, None)


def main(model, source, target, *shape):
    x = numpy.fromfile(source, dtype=numpy.float32).reshape([int(d) for d in shape])
    # With 7 bits for the weights, sums of two products do not overflow the 16 bits that ONNX Runtime has for them on CPUs
    # without VNNI.
    quantization.quantize_static(
        model, target, Samples("input", x), quant_format=quantization.QuantFormat.QDQ, per_channel=True, reduce_range=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
