# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Serve exports and compare the answers with ONNX Runtime's, and with the framework's own.

usage: check.py SERVER FOLDER

Each export of FOLDER is served by the program SERVER with its flags and asked about each picture. The probabilities must be
within 2e-4 of those that ONNX Runtime computes from the same picture, prepared by Pillow and numpy, and of those that the
framework that wrote the file answers to the picture, prepared in its own way. Exits with 1 if any is not.
"""

import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy
import onnxruntime
from PIL import Image

# Two computations in float32, of which each may be 1e-4 from the exact result: of Keras's ResNet50 with random weights, whose
# result in float64 is known, the server's is 9.9e-5 from it, ONNX Runtime's and PyTorch's half as much.
TOLERANCE = 2e-4
START_SECONDS = 120
TYPES = {"tensor(float)": numpy.float32, "tensor(uint8)": numpy.uint8, "tensor(float16)": numpy.float16}


def prepare(path, size, layout, scale, mean, std, shorter_side=0, order="RGB"):
    """What the network gets of a picture, by Pillow and numpy."""
    image = Image.open(path).convert("RGB")
    if shorter_side:
        width, height = image.size
        short = min(width, height)
        image = image.resize((int(shorter_side * width / short), int(shorter_side * height / short)), Image.BILINEAR)
        left, top = round((image.width - size) / 2), round((image.height - size) / 2)
        image = image.crop((left, top, left + size, top + size))
    else:
        image = image.resize((size, size), Image.BILINEAR)
    x = numpy.asarray(image, numpy.float64)
    if order == "BGR":
        x = x[..., ::-1]
    x = (x * scale - mean) / std
    return x if layout == "NHWC" else x.transpose(2, 0, 1)


def probabilities(output, yields):
    """Those of the classes, from what a network yields for a picture."""
    output = output.astype(numpy.float64)
    match yields:
        case "logits":
            powers = numpy.exp(output - output.max())
            return powers / powers.sum()
        case "logProbabilities":
            return numpy.exp(output)
        case "logit":
            output = 1 / (1 + numpy.exp(-output))
    return numpy.array([1 - output[0], output[0]]) if len(output) == 1 else output


def ask_onnxruntime(path, yields, reading, files):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    answers = []
    for file in files:
        x = prepare(file, **reading)[None].astype(TYPES[given.type])
        (output,) = session.run(None, {given.name: x})
        answers.append(probabilities(output[0], yields))
    return numpy.array(answers)


class Server:
    """The program that serves, with a model, until the block ends."""

    def __init__(self, program, model, labels, flags, log):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{port}", open(log, "w+")
        command = [program, "serve", "--model", model, "--classes", "@" + labels, "--address", "127.0.0.1", "--port", str(port), *flags]
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url + "/v2/health/ready").close()
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        self.log.seek(0)
        raise RuntimeError(f"the server isn't ready: {self.log.read()[-800:]}")

    def get(self, path, body=None, content_type=""):
        request = urllib.request.Request(self.url + path, data=body, headers={"Content-Type": content_type} if body else {})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def ask(self, file, names):
        kind = "image/png" if file.suffix == ".png" else "image/jpeg"
        answer = self.get("/predict", file.read_bytes(), kind)["probabilities"]
        return [answer[name] for name in names]


def check(program, folder, export):
    """What is wrong with the answers of an export, or nothing, and what the answers differ by."""
    name = export.stem
    document = json.loads(export.read_text())
    framework, files = numpy.array(document["answers"]), [pathlib.Path(path) for path in document["pictures"]]
    names = [f"class {i}" for i in range(framework.shape[1])]
    labels = folder / f"labels-{len(names)}.txt"
    labels.write_text("\n".join(names))
    model = str(folder / (name + ".onnx"))
    with Server(program, model, str(labels), document["flags"], folder / (name + ".log")) as server:
        server.wait()
        ours = numpy.array([server.ask(file, names) for file in files])
        info = server.get("/model-info")
    runtime = ask_onnxruntime(model, document["yields"], document["reading"], files)
    differences = [numpy.abs(ours - answers).max() for answers in (runtime, framework)]
    problem = ""
    if info["output"] != document["yields"]:
        problem = f"the server takes what the network yields for {info['output']}"
    elif not max(differences) <= TOLERANCE:
        problem = f"the answers differ by more than {TOLERANCE}"
    return problem, differences


def main(program, folder):
    folder = pathlib.Path(folder)
    exports = sorted(folder.glob("*.json"))
    wrong, worst = 0, [0, 0]
    for export in exports:
        try:
            problem, differences = check(program, folder, export)
        except (RuntimeError, urllib.error.HTTPError, ValueError) as error:
            problem, differences = str(error), [numpy.nan, numpy.nan]
        wrong += bool(problem)
        worst = [max(pair) for pair in zip(worst, differences)]
        print(f"{export.stem:40} {differences[0]:8.1e} {differences[1]:8.1e}  {'WRONG: ' + problem if problem else 'as both'}", flush=True)
    print(f"probabilities differ from ONNX Runtime's by {worst[0]:.1e} at most, from the framework's by {worst[1]:.1e}")
    print(f"{len(exports) - wrong} exports served as ONNX Runtime and the framework answer, {wrong} wrong, of {len(exports)}")
    sys.exit(wrong > 0 or not exports)


if __name__ == "__main__":
    main(*sys.argv[1:])
