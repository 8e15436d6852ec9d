# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fits a logistic regression to raw pixels and sets it beside the runner's network.

Usage: compare.py FOLDER, which holds pets/ (class folders), split.json and result.json as bench.sh leaves them.
Exits with 1 if the linear model is too good or the network not good enough.
"""

import json
import pathlib
import sys

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

LOGISTIC_BELOW = 0.75
NETWORK_FROM = 0.94
# Inverse strengths of regularization. The best of them on the test set counts, which favors the linear model.
STRENGTHS = (1e-5, 1e-4, 1e-3)


def load(folder: pathlib.Path, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels [N, H*W*3] in 0 to 1 and the classes' names [N]."""
    pixels = [np.asarray(Image.open(folder / name).convert("RGB")).ravel() for name in names]
    return np.stack(pixels).astype(np.float32) / 255, np.array([name.split("/")[0] for name in names])


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    split = json.loads((folder / "split.json").read_text())
    result = json.loads((folder / "result.json").read_text())
    network = next(m["value"] for m in result["metrics"] if m["name"] == "accuracy")

    train, train_labels = load(folder / "pets", split["train"])
    test, test_labels = load(folder / "pets", split["test"])
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    best = 0.0
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=100).fit(train, train_labels)
        accuracy = model.score(test, test_labels)
        print(f"C={strength:g}: accuracy {model.score(train, train_labels):.3f} on the training set, {accuracy:.3f} on the test set", flush=True)
        best = max(best, accuracy)

    print(f"\n{len(train)} training and {len(test)} test pictures")
    print(f"{'logistic regression on pixels':32}{best:8.4f}   must be below {LOGISTIC_BELOW}")
    print(f"{'BaselineCNN by the runner':32}{network:8.4f}   must be {NETWORK_FROM} or more")
    if best >= LOGISTIC_BELOW or network < NETWORK_FROM:
        print("FAILED")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
