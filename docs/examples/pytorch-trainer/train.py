# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""A trainer of one's own: fine-tunes torchvision's ResNet-18 on a folder of class folders, and keeps to docs/contract.md.

WEIGHTS names torchvision's weights to begin with (DEFAULT; empty: random ones), which the image has to hold or the pod to fetch.
"""

import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile
import threading
import traceback

import numpy
import onnx
import torch
import torchvision
from PIL import Image
from torchvision import transforms

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
MAX_SAMPLES = 256
progress = {"version": 1, "sequence": 0, "stage": "LoadingData", "percent": 0}


def say(**changes):
    progress.update(changes, sequence=progress["sequence"] + 1)


class Progress(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(progress).encode() if self.path == "/progress" else b"ok")

    def log_message(self, *_):
        pass


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def split(images, config, seed):
    """Indices of the training, validation and test images, the same for the same seed."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).tolist()
    validation, test = (len(images) * config[name] // 100 for name in ("validationPercent", "testPercent"))
    return order[validation + test :], order[:validation], order[validation : validation + test]


@torch.no_grad()
def logits_of(model, dataset, indices, batch):
    model.eval()
    loader = torch.utils.data.DataLoader(torch.utils.data.Subset(dataset, indices), batch)
    return torch.cat([model(x) for x, _ in loader])


def measure(logits, labels):
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    return {"accuracy": accuracy, "loss": torch.nn.functional.cross_entropy(logits, labels).item()}


def fit(model, dataset, train, validation, settings):
    """Trains, and leaves the weights of the epoch with the highest accuracy on the validation split."""
    labels = torch.tensor(dataset.targets)
    optimizer = torch.optim.AdamW(model.parameters(), settings["learningRate"], weight_decay=settings.get("weightDecay", 0))
    loader = torch.utils.data.DataLoader(torch.utils.data.Subset(dataset, train), settings["batchSize"], shuffle=True, drop_last=len(train) > settings["batchSize"])
    best, weights = -1.0, None
    for epoch in range(1, settings["epochs"] + 1):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        metrics = measure(logits_of(model, dataset, validation, settings["batchSize"]), labels[validation])
        print(f"epoch={epoch} accuracy={metrics['accuracy']:.4f} loss={metrics['loss']:.4f}", flush=True)
        say(stage="Training", epoch=epoch, epochs=settings["epochs"], percent=99 * epoch // settings["epochs"],
            metrics=[{"name": name, "value": value} for name, value in metrics.items()])
        if metrics["accuracy"] > best:
            best, weights = metrics["accuracy"], {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(weights)


def export(model, size, path, properties):
    model.eval()
    torch.onnx.export(model, (torch.zeros(2, 3, size, size),), path, input_names=["input"], output_names=["logits"],
                      dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True, external_data=False, verbose=False)
    file = onnx.load(path)
    onnx.helper.set_model_props(file, properties)
    onnx.save(file, path)


def write_samples(path, dataset, indices, logits):
    """Held-out pictures as they are, with the answers that a smoke test expects of the server."""
    entries, pictures = [], []
    for i, index in enumerate(indices[:MAX_SAMPLES]):
        source, label = dataset.samples[index]
        name = f"images/{i:03d}{pathlib.Path(source).suffix.lower()}"
        entries.append({"file": name, "label": dataset.classes[label], "logits": logits[i].tolist()})
        pictures.append((name, pathlib.Path(source).read_bytes()))
    document = {"version": 1, "decoding": 2, "classes": dataset.classes, "samples": entries}
    with tarfile.open(path, "w") as archive:
        for name, data in [("samples.json", json.dumps(document).encode()), *pictures]:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return len(entries)


def train(config):
    settings, size = config["training"], config["model"]["imageSize"]
    torch.manual_seed(settings["seed"])
    # What the server does with a picture, by PIL: stretched, with antialiasing.
    prepare = transforms.Compose([transforms.Resize((size, size)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    dataset = torchvision.datasets.ImageFolder(config["dataset"]["path"], prepare, loader=lambda path: Image.open(path).convert("RGB"))
    parts = split(dataset.samples, config["dataset"]["split"], config["dataset"]["split"]["seed"])

    model = torchvision.models.resnet18(weights=os.environ.get("WEIGHTS", "DEFAULT") or None)
    model.fc = torch.nn.Linear(model.fc.in_features, len(dataset.classes))
    fit(model, dataset, parts[0], parts[1], settings)
    say(stage="Evaluating")
    logits, labels = logits_of(model, dataset, parts[2], settings["batchSize"]), torch.tensor(dataset.targets)[parts[2]]
    metrics = measure(logits, labels)
    say(stage="Publishing")
    return publish(config, model, dataset, parts[2], logits, metrics)


def publish(config, model, dataset, test, logits, metrics):
    """Writes the artifact under a temporary name and renames it, so that it is there whole or not at all."""
    run, output = config["run"], config["output"]
    name = f"{run['name']}-{run['uid'][:8]}"
    folder = pathlib.Path(output["path"]) / name
    if (folder / "MANIFEST.json").exists():  # this run's, published before its pod ended
        return json.loads((folder / "MANIFEST.json").read_text())["result"]
    staging = folder.with_name(f".{name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    digest = "sha256:" + hashlib.sha256("".join(sha256(pathlib.Path(path)) for path, _ in dataset.samples).encode()).hexdigest()
    export(model, config["model"]["imageSize"], staging / "model.onnx", {
        "trainyard.classes": json.dumps(dataset.classes),
        "trainyard.preprocess": json.dumps({"size": config["model"]["imageSize"], "resize": "bilinear-antialias-stretch", "mean": MEAN, "std": STD}),
        "trainyard.metrics": json.dumps(metrics),
        "trainyard.dataset.digest": digest,
        "trainyard.run": run["name"],
        "trainyard.architecture": "resnet18",
    })
    count = write_samples(staging / "samples.tar", dataset, test, logits.numpy().astype(numpy.float64))
    files = {path.name: path for path in (staging / "model.onnx", staging / "samples.tar")}
    at = f"{output['uri'].rstrip('/')}/{name}/"
    result = {
        "version": 1, "outcome": "Succeeded",
        "metrics": [{"name": key, "value": value} for key, value in metrics.items()],
        "model": {"uri": at + "model.onnx", "sha256": sha256(files["model.onnx"]), "sizeBytes": files["model.onnx"].stat().st_size,
                  "classCount": len(dataset.classes), "classes": dataset.classes[:20],
                  "samples": {"uri": at + "samples.tar", "sha256": sha256(files["samples.tar"]), "count": count}},
        "dataset": {"digest": digest, "samples": len(dataset.samples)},
    }
    listed = [{"path": key, "sha256": sha256(path), "sizeBytes": path.stat().st_size} for key, path in files.items()]
    (staging / "MANIFEST.json").write_text(json.dumps({"version": 1, "run": run, "result": result, "files": listed}))
    os.sync()
    staging.rename(folder)
    return result


def fails(metrics, gates):
    """The first gate that a metric misses, in words."""
    values = {metric["name"]: metric["value"] for metric in metrics}
    for gate in gates:
        value = values.get(gate["metric"])
        if value is None or value < gate.get("min", value) or value > gate.get("max", value):
            return f"{gate['metric']} is {value}, the gate wants {gate.get('min', gate.get('max'))}"
    return None


def main():
    threading.Thread(target=http.server.ThreadingHTTPServer(("", 8080), Progress).serve_forever, daemon=True).start()
    try:
        config = json.loads(os.environ["TRAINYARD_CONFIG"])
        result, code = train(config), 0
        missed = fails(result["metrics"], config.get("gates", []))
        if missed:
            result, code = {**result, "outcome": "Failed", "reason": "GateNotMet", "message": missed}, 5
    except FileNotFoundError as error:
        result, code = {"version": 1, "outcome": "Failed", "reason": "DatasetInvalid", "message": str(error)}, 4
    except Exception as error:  # whatever it is: tried again, as often as the run's backoffLimit says
        traceback.print_exc()
        result, code = {"version": 1, "outcome": "Failed", "reason": "RunnerFailed", "message": str(error)[:1000]}, 75
    pathlib.Path(os.environ.get("TERMINATION_LOG", "/dev/termination-log")).write_text(json.dumps(result))
    sys.exit(code)


if __name__ == "__main__":
    main()
