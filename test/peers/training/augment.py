# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""augment.py writes what torchvision's random crops, erasings and mixtures make of the random numbers that they draw, as
internal/dataset/testdata/torchvision-augmentation.json holds it.

It is run by hand, from the repository's root, in the environment of record.py:

    /tmp/training/bin/python test/peers/training/augment.py
"""

import json
import types

import torch
from torchvision import transforms
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)


class Drawn(list):
    """The random numbers that are drawn within it, as parts of their ranges."""

    def __enter__(self):
        self.uniform, self.randint, self.rand = torch.Tensor.uniform_, torch.randint, torch.rand

        def uniform(tensor, low, high):
            self.uniform(tensor, low, high)
            self.append(float((tensor.item() - low) / (high - low)))
            return tensor

        def randint(low, high, size):
            value = self.randint(low, high, size=size)
            self.append((value.item() - low + 0.5) / (high - low))
            return value

        def rand(size):
            value = self.rand(size)
            self.append(value.item())
            return value

        torch.Tensor.uniform_, torch.randint, torch.rand = uniform, randint, rand
        return self

    def __exit__(self, *_):
        torch.Tensor.uniform_, torch.randint, torch.rand = self.uniform, self.randint, self.rand


def crops():
    for size, scale, ratio, count in ((32, (0.08, 1), (3 / 4, 4 / 3), 40), (64, (0.5, 0.9), (0.3, 3), 30), (33, (0.8, 1), (2, 4), 10), (33, (0.8, 1), (0.2, 0.5), 10)):
        for _ in range(count):
            with Drawn() as drawn:
                y, x, height, width = transforms.RandomResizedCrop.get_params(torch.zeros(3, size, size), scale, ratio)
            yield {"size": size, "scale": scale, "ratio": ratio, "drawn": drawn, "part": [x, y, width, height]}


def erasings():
    for size, probability, scale, ratio, count in ((32, 0.5, (0.02, 0.33), (0.3, 3.3), 60), (33, 1, (0.5, 0.99), (0.1, 10), 30)):
        for _ in range(count):
            with Drawn() as drawn:
                image = transforms.RandomErasing(probability, scale, ratio)(torch.ones(3, size, size))
            erased = (image[0] == 0).nonzero()
            part = None
            if len(erased):
                (y, x), (bottom, right) = erased.min(0).values.tolist(), erased.max(0).values.tolist()
                part = [x, y, right - x + 1, bottom - y + 1]
            yield {"size": size, "probability": probability, "scale": scale, "ratio": ratio, "drawn": drawn, "part": part}


def enlarged():
    for x, y, width, height in ((0, 0, 9, 9), (2, 3, 4, 5), (8, 0, 1, 9), (5, 7, 3, 1)):
        image = torch.randint(0, 256, (3, 9, 9))
        cropped = functional.resized_crop(image.double(), y, x, height, width, [9, 9], antialias=True)
        as_rows = lambda t: t.permute(1, 2, 0).flatten().tolist()
        yield {"part": [x, y, width, height], "image": as_rows(image), "enlarged": [round(v, 6) for v in as_rows(cropped)]}


def mixed():
    """Images of three numbers each, and labels, under shares that are given rather than drawn."""
    for count, share in ((1, 0.3), (2, 0.75), (5, 0.1)):
        mix = v2.MixUp(num_classes=3)
        mix._dist = types.SimpleNamespace(sample=lambda _: torch.tensor(share))
        images, labels = torch.rand(count, 3, 1, 1), torch.randint(0, 3, (count,))
        after, shares = mix(images, labels)
        yield {"share": share, "images": images.flatten().tolist(), "labels": labels.tolist(), "mixed": after.flatten().tolist(), "shares": shares.flatten().tolist()}


with open("internal/dataset/testdata/torchvision-augmentation.json", "w", encoding="utf-8") as file:
    json.dump({"crops": list(crops()), "erasings": list(erasings()), "enlarged": list(enlarged()), "mixed": list(mixed())}, file, separators=(",", ":"))
    file.write("\n")
