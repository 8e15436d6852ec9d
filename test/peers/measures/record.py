# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""record.py writes what scikit-learn and SciPy measure of random answers into the testdata of the packages that measure the same.

It is run by hand, from the repository's root, when a measure is added:

    python3 -m venv /tmp/measures && /tmp/measures/bin/pip install -r test/peers/measures/requirements.txt
    /tmp/measures/bin/python test/peers/measures/record.py
"""

import json
import warnings

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import binom, binomtest
from sklearn import calibration, metrics

random = np.random.default_rng(7)
warnings.filterwarnings("ignore")  # of classes without images and the like: these cases are meant


def number(value):
    """A figure, or None where there is none."""
    return None if np.isnan(value) else float(value)


def averages(truth, answers, present):
    """Precision, recall and F1 of each class, and their means over the classes that there are images of."""
    keys = ("precision", "recall", "f1")

    def figures(**options):
        return metrics.precision_recall_fscore_support(truth, answers, zero_division=0, **options)

    classes = [dict(zip((*keys, "support"), (float(p), float(r), float(f), int(n))))
               for p, r, f, n in zip(*figures(labels=range(max(max(truth), max(answers), *present) + 1)))]
    macro = dict(zip(keys, map(float, figures(labels=present, average="macro")[:3])))
    weighted = dict(zip(keys, map(float, figures(labels=present, average="weighted")[:3])))
    return classes, macro, weighted


def ranking(scores, positive):
    both = 0 < positive.sum() < len(positive)
    return {
        "scores": scores.tolist(), "positive": positive.tolist(),
        "rocAUC": float(metrics.roc_auc_score(positive, scores)) if both else None,
        "averagePrecision": float(metrics.average_precision_score(positive, scores)) if positive.any() else None,
    }


def rankings():
    for n in (1, 2, 3, 10, 40, 120):
        for digits in (0, 1, 2, 16):
            for share in (0, 0.05, 0.5, 1):
                yield ranking(np.round(random.random(n), digits), random.random(n) < share)


def confusion(counts):
    truth, answers = [], []
    for label, row in enumerate(counts):
        for answer, n in enumerate(row):
            truth += [label] * int(n)
            answers += [answer] * int(n)
    classes, macro, weighted = averages(truth, answers, [i for i, row in enumerate(counts) if row.sum()])
    # A class at the end that is neither there nor answered is none of scikit-learn's.
    classes += [{"precision": 0, "recall": 0, "f1": 0, "support": 0}] * (len(counts) - len(classes))
    return {"confusion": counts.tolist(), "kappa": number(metrics.cohen_kappa_score(truth, answers)),
            "classes": classes, "macro": macro, "weighted": weighted}


def confusions():
    yield confusion(np.array([[7, 0], [0, 0]]))
    yield confusion(np.array([[0, 7], [0, 0]]))
    yield confusion(np.array([[0, 0, 0], [0, 3, 2], [0, 1, 4]]))
    for n in (2, 3, 7):
        for most in (2, 5, 300):
            counts = random.integers(0, most, (n, n)) + np.diag(random.integers(0, 2 * most, n))
            counts[0, 0] += 1
            yield confusion(counts)
            for empty in (counts.copy(), counts.copy()):
                empty[random.integers(1, n)] = 0
                empty[:, random.integers(1, n)] = 0
                yield confusion(empty)


def calibrated(confidences, right, bins):
    """The expected calibration error, from scikit-learn's bins."""
    shares, means = calibration.calibration_curve(right, confidences, n_bins=bins)
    sizes = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidences), minlength=bins)
    return float(np.sum(sizes[sizes > 0] / len(right) * np.abs(shares - means)))


def calibrations():
    for n in (2, 30, 200):
        for bins in (5, 10, 15):
            for digits in (1, 2, 16):
                confidences = np.round(random.random(n), digits)
                right = random.random(n) < confidences
                right[:2] = True, False  # scikit-learn wants both
                yield {"confidences": confidences.tolist(), "right": right.tolist(), "bins": bins,
                       "error": calibrated(confidences, right, bins)}
    edges = np.linspace(0, 1, 16)
    right = random.random(16) < 0.5
    yield {"confidences": edges.tolist(), "right": right.tolist(), "bins": 15, "error": calibrated(edges, right, 15)}


def intervals():
    for answers in (1, 2, 8, 60, 100, 1000, 10000, 250000):
        for share in (0, 0.01, 0.375, 0.5, 0.98, 1):
            right = round(share * answers)
            for confidence in (0.9, 0.95, 0.99):
                found = binomtest(right, answers).proportion_ci(confidence, "exact")
                yield {"right": right, "answers": answers, "confidence": confidence, "low": float(found.low), "high": float(found.high)}


def tails():
    for answers in (1, 8, 60, 1000, 100000):
        for probability in (0.1, 0.5, 0.9):
            middle = round(answers * probability)
            for right in {0, 1, middle, min(answers, middle + 1 + round(2 * answers**0.5)), answers}:
                yield {"right": right, "answers": answers, "probability": probability,
                       "atLeast": float(binom.sf(right - 1, answers, probability))}


def temperature(logits, labels):
    """What logits are to be divided by, from SciPy's L-BFGS-B over its logarithm."""
    logits = logits.astype(np.float32).astype(np.float64)

    def loss(log):
        scaled = logits / np.exp(log[0])
        total = logsumexp(scaled, axis=1)
        weights = np.exp(scaled - total[:, None])
        right = scaled[np.arange(len(labels)), labels]
        return np.mean(total - right), np.array([np.mean(right - (weights * scaled).sum(axis=1))])

    found = minimize(loss, np.zeros(1), jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-13, "maxiter": 1000})
    return {"logits": logits.ravel().tolist(), "labels": labels.tolist(), "classes": logits.shape[1], "temperature": float(np.exp(found.x[0]))}


def temperatures():
    for count in (2, 5):
        for n in (30, 120):
            for skill, scale in ((0.5, 1), (1.5, 0.3), (2, 4), (3, 20)):
                labels = random.integers(0, count, n)
                logits = random.normal(0, 1, (n, count))
                logits[np.arange(n), labels] += skill
                if (logits.argmax(axis=1) == labels).all():  # no doubt would be best
                    labels[0] = (labels[0] + 1) % count
                yield temperature(np.round(16 * scale * logits) / 16, labels)


def told(logits, labels):
    """All figures of a classifier that answers images of labels with logits."""
    logits = logits.astype(np.float32)
    count = logits.shape[1]
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True).astype(np.float64))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    answers = logits.argmax(axis=1)
    present = sorted(set(labels.tolist()))
    _, macro, weighted = averages(labels.tolist(), answers.tolist(), present)
    rocs = [metrics.roc_auc_score(labels == i, probabilities[:, i]) for i in present if len(present) > 1]
    precisions = [metrics.average_precision_score(labels == i, probabilities[:, i]) for i in present]
    figures = {
        "accuracy": float(metrics.accuracy_score(labels, answers)),
        **macro, **{"weighted" + key[0].upper() + key[1:]: value for key, value in weighted.items()},
        "loss": float(metrics.log_loss(labels, probabilities, labels=range(count))),
        "rocAUC": float(np.mean(rocs)) if rocs else None,
        "prAUC": float(np.mean(precisions)),
        "kappa": number(metrics.cohen_kappa_score(labels, answers)),
        "calibrationError": calibrated(probabilities.max(axis=1), answers == labels, 15),
    }
    if len(present) == count > 2:
        assert np.isclose(figures["rocAUC"], metrics.roc_auc_score(labels, probabilities, multi_class="ovr"), rtol=0, atol=1e-12)
    return {"logits": logits.astype(float).tolist(), "labels": labels.tolist(), "metrics": figures}


def answers():
    for count in (2, 3, 6):
        for n in (3, 25, 90):
            for skill in (0, 1, 4):
                labels = random.integers(0, count, n)
                if n < 90:
                    labels[labels == count - 1] = 0  # a class without images
                logits = random.normal(0, 1, (n, count))
                logits[np.arange(n), labels] += skill
                if count == 2:
                    logits = np.round(2 * logits) / 2
                logits[n // 2:n - 1] = logits[:n - 1 - n // 2]  # ties
                if (logits.argmax(axis=1) == labels).all():
                    logits[0] = np.roll(logits[0], 1)
                yield told(logits, labels)


def write(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


write("internal/measures/testdata/scikit-learn.json", {
    "rankings": list(rankings()), "confusions": list(confusions()), "calibrations": list(calibrations()),
    "intervals": list(intervals()), "tails": list(tails()),
})
write("runner/internal/metrics/testdata/scikit-learn.json", list(answers()))
write("internal/measures/testdata/temperatures.json", list(temperatures()))
