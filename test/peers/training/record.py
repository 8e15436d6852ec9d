# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""record.py writes what PyTorch's schedulers, optimizers, clipping, smoothed loss and averages make of random settings and gradients into
the testdata of the packages that do the same.

It is run by hand, from the repository's root, when one is added:

    python3 -m venv /tmp/training && /tmp/training/bin/pip install -r test/peers/training/requirements.txt
    /tmp/training/bin/python test/peers/training/record.py
"""

import json

import torch
from torch import optim
from torch.optim import lr_scheduler, swa_utils

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)  # what float32 rounds differently here and there is nobody's formula

RATE, EPOCHS, STEPS = 0.05, 10, 5  # 50 steps


def losses():
    """Validation losses that fall, stay and rise."""
    return [round(float(v), 6) for v in torch.rand(EPOCHS).cumsum(0).flip(0) * 0.1 + torch.rand(EPOCHS) * 0.3]


def schedule(settings, make, per_step, needs_loss=False):
    """The rate of each step under a scheduler after a linear warm-up."""
    warmup = settings.get("warmupEpochs", 0)
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    validation = losses()
    rates = []
    total = warmup * STEPS
    ramp = lr_scheduler.LinearLR(optimizer, 1 / total, 1, total - 1) if total > 1 else None
    scheduler = None
    for epoch in range(EPOCHS):
        if epoch == warmup:
            optimizer.param_groups[0]["lr"] = optimizer.param_groups[0]["initial_lr"] = RATE
            scheduler = make(optimizer, (EPOCHS - warmup) * STEPS)
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if epoch < warmup:
                ramp.step()
            elif per_step:
                scheduler.step()
        if epoch >= warmup and not per_step:
            scheduler.step(validation[epoch]) if needs_loss else scheduler.step()
    return {"scheduler": settings, "learningRate": RATE, "epochs": EPOCHS, "steps": STEPS, "losses": validation, "rates": rates}


def schedules():
    for warmup in (0, 1, 3):
        ramp = {"warmupEpochs": warmup} if warmup else {}
        yield schedule({"type": "Constant", **ramp}, lambda o, _: lr_scheduler.ConstantLR(o, 1), False)
        for every, factor in ((1, 0.5), (3, 0.1)):
            yield schedule({"type": "Step", "stepEpochs": every, "factor": factor, **ramp},
                           lambda o, _: lr_scheduler.StepLR(o, every, factor), False)
        for least in (0, 0.01):
            yield schedule({"type": "Cosine", **({"minLearningRate": least} if least else {}), **ramp},
                           lambda o, steps: lr_scheduler.CosineAnnealingLR(o, steps, least), True)
        for patience, factor, least in ((1, 0.5, 0), (2, 0.1, 0.002), (1, 0.1, 0), (3, 0.3, 0)):
            yield schedule({"type": "ReduceOnPlateau", "patience": patience, "factor": factor, **({"minLearningRate": least} if least else {}), **ramp},
                           lambda o, _: lr_scheduler.ReduceLROnPlateau(o, factor=factor, patience=patience, min_lr=least), False, needs_loss=True)
    yield schedule({"type": "OneCycle"}, lambda o, steps: lr_scheduler.OneCycleLR(o, RATE, steps, cycle_momentum=False), True)


OPTIMIZERS = {
    "SGD": (optim.SGD, {}),
    "SGD decay": (optim.SGD, {"weight_decay": 0.01}),
    "momentum": (optim.SGD, {"momentum": 0.9}),
    "momentum decay": (optim.SGD, {"momentum": 0.5, "weight_decay": 0.01}),
    "Nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "Nesterov decay": (optim.SGD, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    "Adam": (optim.Adam, {}),
    "Adam decay": (optim.Adam, {"weight_decay": 0.01}),
    "AdamW": (optim.AdamW, {"weight_decay": 0}),
    "AdamW decay": (optim.AdamW, {"weight_decay": 0.01}),
}


def numbers(tensor):
    return [float(v) for v in tensor.detach().flatten()]


def draw(*shape):
    """Random numbers that float32 holds."""
    return torch.randn(*shape).float().double()


def optimized(name, make, options, clip, start, gradients):
    parameters = [torch.nn.Parameter(torch.tensor(values)) for values in start]
    optimizer = make(parameters, lr=0.01, **options)
    steps, norms = [], []
    for step in gradients:
        for parameter, gradient in zip(parameters, step):
            parameter.grad = torch.tensor(gradient)
        if clip:
            norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, clip)))
        optimizer.step()
        steps.append([numbers(parameter) for parameter in parameters])
    return {"name": name, "momentum": options.get("momentum", 0), "nesterov": options.get("nesterov", False),
            "weightDecay": options.get("weight_decay", 0), "clip": clip, "norms": norms, "after": steps[9::10]}


def optimizers():
    start = [numbers(draw(4)), numbers(draw(2))]
    gradients = [[numbers(draw(4)), numbers(draw(2))] for _ in range(50)]
    return {"start": start, "gradients": gradients, "optimizers": [
        optimized(name, make, options, clip, start, gradients)
        for name, (make, options) in OPTIMIZERS.items() for clip in (0, 0.5, 2)]}


def smoothed():
    for classes in (2, 5):
        for smoothing in (0, 0.1, 0.4):
            logits = draw(7, classes).requires_grad_()
            labels = torch.randint(0, classes, (7,))
            loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
            loss.backward()
            yield {"smoothing": smoothing, "classes": classes, "logits": numbers(logits), "labels": labels.tolist(),
                   "loss": float(loss.detach()), "gradient": numbers(logits.grad)}


def soft():
    """The loss of rows that are of several classes, as MixUp makes them."""
    for classes, scale in ((2, 1), (5, 30)):
        for smoothing in (0, 0.1, 0.4):
            for weighted in (False, True):
                logits = (scale * draw(7, classes)).requires_grad_()
                labels = torch.nn.functional.one_hot(torch.randint(0, classes, (7,)), classes).double()
                share = torch.rand(1).float().double()
                targets = (labels.roll(1, 0) * (1 - share) + labels * share).float().double()
                weights = torch.rand(classes).float().double() + 0.5 if weighted else None
                loss = torch.nn.functional.cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)
                loss.backward()
                yield {"smoothing": smoothing, "classes": classes, "weights": numbers(weights) if weighted else None, "logits": numbers(logits),
                       "targets": numbers(targets), "loss": float(loss.detach()), "gradient": numbers(logits.grad)}


def averaged():
    """The weights and statistics of a network, and their exponential moving averages, over 50 steps."""
    for decay in (0.5, 0.9, 0.999):
        network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        average = swa_utils.AveragedModel(network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(decay), use_buffers=True)
        tensors = lambda of: {name: numbers(value) for name, value in of.state_dict().items() if value.is_floating_point()}
        steps, after = [], []
        for step in range(50):
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.copy_((parameter + 0.1 * torch.randn_like(parameter)).float())
                network(torch.randn(8, 3))
                for buffer in network.buffers():
                    buffer.copy_(buffer.float())
            average.update_parameters(network)
            steps.append(tensors(network))
            if step % 10 == 9:
                after.append(tensors(average.module))
        yield {"decay": decay, "steps": steps, "after": after}


def write(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


write("runner/internal/train/testdata/pytorch-schedules.json", list(schedules()))
write("internal/engine/nn/testdata/pytorch-optimizers.json", optimizers())
write("internal/engine/nn/testdata/pytorch-losses.json", list(smoothed()))
write("internal/engine/nn/testdata/pytorch-averages.json", list(averaged()))
write("internal/engine/nn/testdata/pytorch-soft-losses.json", list(soft()))
