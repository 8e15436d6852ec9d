# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""Goes through a folder of class folders once with torchvision's loader and prints images a second.

Usage: loader.py FOLDER SIZE BATCH WORKERS. Finding the files counts, and so does starting the workers; imports don't.
"""

import sys
import time

import torch
from torchvision import datasets, transforms


def main() -> None:
    folder, size, batch, workers = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)  # of the main process, which only collects
    start = time.perf_counter()
    dataset = datasets.ImageFolder(folder, transforms.Compose([
        transforms.Resize((size, size), antialias=True),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]))
    images = 0
    for pictures, _ in torch.utils.data.DataLoader(dataset, batch_size=batch, shuffle=True, num_workers=workers):
        images += len(pictures)
    print(images / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
