# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Writes what PyTorch's CrossEntropyLoss yields with class weights, as internal/engine/nn/testdata/cross_entropy.json holds it.

    pip install torch==2.15.0 numpy==2.4.6
    python3 test/peers/training/cross_entropy.py > internal/engine/nn/testdata/cross_entropy.json
"""

import json

import torch

torch.manual_seed(1)
cases = []
for batch, classes, scale, weights, smoothing in [
    (2, 2, 1, [1, 3], 0),
    (8, 3, 5, [0.4, 2.5, 7], 0),
    (8, 3, 5, [0.4, 2.5, 7], 0.1),
    (8, 3, 5, [1, 1, 1], 0.3),
    (32, 10, 20, [0.1 * (c + 1) ** 2 for c in range(10)], 0.05),
    (5, 4, 100, [1000, 0.001, 1, 1], 0),  # logits whose exponentials overflow
    (3, 4, 1, [0.25, 9, 9, 9], 0),  # a batch of one class
]:
    logits = (torch.randn(batch, classes) * scale).requires_grad_()
    labels = torch.randint(classes, (batch,)) if batch != 3 else torch.zeros(batch, dtype=torch.int64)
    weight = torch.tensor(weights, dtype=torch.float32)
    # In float64, from float32 inputs: the reference is to be nearer to the truth than what is compared with it.
    wide = logits.detach().double().requires_grad_()
    loss = torch.nn.CrossEntropyLoss(weight=weight.double(), label_smoothing=smoothing)(wide, labels)
    loss.backward()
    cases.append({
        "classes": classes, "logits": logits.detach().flatten().tolist(), "labels": labels.tolist(), "weights": weight.tolist(),
        "smoothing": smoothing, "loss": loss.item(), "gradient": wide.grad.flatten().tolist(),
    })
lines = ",\n".join(json.dumps(case) for case in cases)
print(f'{{"torch": "{torch.__version__.split("+")[0]}", "cases": [\n{lines}\n]}}')
