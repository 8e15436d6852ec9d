# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains BaselineCNN with PyTorch on the runner's split and prints both results side by side.

compare.sh calls it. Everything is as in the runner: the images' size and normalization, the augmentation, the network and
its initial distribution, AdamW, and the choice of the epoch with the best validation accuracy.
"""

import argparse
import copy
import json
import os
import pathlib
import platform
import resource
import time

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def baseline_cnn(classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for channels in (32, 64, 128, 256):
        layers += [
            nn.Conv2d(before, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(before, classes))


class Images(Dataset):
    """Images in memory at the network's size, 8 bits a channel."""

    def __init__(self, folder: pathlib.Path, names: list[str], classes: list[str], size: int, transform: v2.Transform):
        self.pixels = torch.empty(len(names), 3, size, size, dtype=torch.uint8)
        for i, name in enumerate(names):
            image = Image.open(folder / name).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            self.pixels[i] = v2.functional.pil_to_tensor(image)
        self.labels = [classes.index(name.split("/")[0]) for name in names]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int):
        return self.transform(self.pixels[i]), self.labels[i]


@torch.no_grad()
def score(network: nn.Module, batches: DataLoader) -> tuple[float, float]:
    """Returns accuracy and mean cross-entropy."""
    network.eval()
    right, loss, count = 0, 0.0, 0
    for images, labels in batches:
        logits = network(images)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(1) == labels).sum().item()
        count += len(labels)
    return right / count, loss / count


def train(network: nn.Module, loaders: dict[str, DataLoader], epochs: int) -> nn.Module:
    """Returns the network with the weights of the epoch with the best validation accuracy."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.001, weight_decay=0.0001)
    best, best_score = None, (-1.0, 0.0)
    for epoch in range(epochs):
        start = time.monotonic()
        network.train()
        for images, labels in loaders["train"]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()
        accuracy, loss = score(network, loaders["validation"])
        print(f"epoch {epoch + 1} of {epochs}: validation accuracy {accuracy:.4f}, loss {loss:.4f}, {time.monotonic() - start:.1f} s", flush=True)
        if (accuracy, -loss) > best_score:
            best, best_score = copy.deepcopy(network), (accuracy, -loss)
    return best


def cpu_name() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("data", "split", "result", "runner-times"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    for name in ("size", "epochs", "batch", "seed", "workers"):
        parser.add_argument("--" + name, type=int, required=True)
    args = parser.parse_args()

    start = time.monotonic()
    torch.manual_seed(args.seed)
    split = json.loads(args.split.read_text())
    classes = sorted({name.split("/")[0] for name in split["train"]})
    normalize = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    vary = [v2.RandomHorizontalFlip(), v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2)]
    loaders = {
        part: DataLoader(
            Images(args.data, names, classes, args.size, v2.Compose((vary if part == "train" else []) + normalize)),
            batch_size=args.batch,
            shuffle=part == "train",
            num_workers=args.workers if part == "train" else 0,
            persistent_workers=part == "train" and args.workers > 0,
        )
        for part, names in split.items()
    }
    network = train(baseline_cnn(len(classes)), loaders, args.epochs)
    accuracy, loss = score(network, loaders["test"])
    seconds = time.monotonic() - start
    # The data loader's workers count once they have ended.
    del loaders
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_seconds = sum(u.ru_utime + u.ru_stime for u in usage)
    runner_seconds, user, system = (float(t) for t in args.runner_times.read_text().split())

    ours = {m["name"]: m["value"] for m in json.loads(args.result.read_text())["metrics"]}
    sizes = ", ".join(f"{len(split[part])} {part}" for part in ("train", "validation", "test"))
    print(f"\nBaselineCNN, {args.size}×{args.size} pixels, {args.epochs} epochs, batches of {args.batch}, seed {args.seed}; images: {sizes}")
    print(f"{cpu_name()}, {os.cpu_count()} CPUs")
    print(f"{'':16}{'test accuracy':>14}{'test loss':>11}{'seconds':>9}{'CPU seconds':>13}")
    for name, figures in {
        "runner": (ours["accuracy"], ours["loss"], runner_seconds, user + system),
        "PyTorch " + torch.__version__.split("+")[0]: (accuracy, loss, seconds, cpu_seconds),
    }.items():
        print("{:16}{:14.4f}{:11.4f}{:9.0f}{:13.0f}".format(name, *figures))


if __name__ == "__main__":
    main()
