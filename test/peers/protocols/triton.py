# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Asks a server with Triton's own clients, over HTTP and gRPC: triton.py HOST:PORT RED.png BLUE.png."""

import queue
import sys

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient

address, *files = sys.argv[1:]
pictures = np.array([open(name, "rb").read() for name in files], dtype=np.object_)
checks = 0


def check(condition, what):
    global checks
    if not condition:
        sys.exit(f"triton.py: {what}")
    checks += 1


def ask(module, client, **more):
    """Asks all that a client can ask of this server, and returns the logits of both inputs."""
    check(client.is_server_live(), "the server is not live")
    check(client.is_server_ready(), "the server is not ready")
    check(client.is_model_ready("pets"), "the model is not ready")
    check(client.is_model_ready("pets", "pets-12345678"), "the version is not ready")
    check(not client.is_model_ready("cars") if module is httpclient else True, "another model is ready")

    images = module.InferInput("images", [len(pictures)], "BYTES")
    images.set_data_from_numpy(pictures, **more)
    tensor = module.InferInput("input", [2, 3, 8, 8], "FP32")
    tensor.set_data_from_numpy(np.full((2, 3, 8, 8), 0.5, dtype=np.float32), **more)
    answers = []
    for given, version in (images, ""), (tensor, "pets-12345678"):
        result = client.infer("pets", [given], model_version=version, request_id="42", outputs=[module.InferRequestedOutput("logits")])
        logits = result.as_numpy("logits")
        check(logits.shape == (2, 2) and logits.dtype == np.float32, f"logits {logits}")
        answers.append(logits)
        check(np.allclose(client.infer("pets", [given]).as_numpy("logits"), logits), "other logits without a version")
    check(answers[0][0][0] > answers[0][0][1] and answers[0][1][0] < answers[0][1][1], f"red and blue are {answers[0]}")
    check(np.allclose(answers[1], 0.5), f"logits of a tensor of 0.5 are {answers[1]}")
    return answers


http = httpclient.InferenceServerClient(address)
over_http = ask(httpclient, http)
check(http.get_server_metadata()["name"] == "trainyard", "no metadata of the server")
check(http.get_model_metadata("pets")["outputs"][0]["shape"] == [-1, 2], "no metadata of the model")
image = httpclient.InferInput("images", [len(pictures)], "BYTES")
image.set_data_from_numpy(pictures)
zipped = http.infer("pets", [image], request_compression_algorithm="gzip").as_numpy("logits")
check(np.allclose(zipped, over_http[0]), "other logits of a compressed request")
text = httpclient.InferInput("input", [2, 3, 8, 8], "FP32")
text.set_data_from_numpy(np.full((2, 3, 8, 8), 0.5, dtype=np.float32), binary_data=False)
plain = http.infer("pets", [text], outputs=[httpclient.InferRequestedOutput("logits", binary_data=False)])
check(np.allclose(plain.as_numpy("logits"), 0.5) and plain.get_response()["outputs"][0]["data"] is not None, "no logits in JSON")
try:
    http.infer("pets", [httpclient.InferInput("x", [1], "FP32").set_data_from_numpy(np.zeros(1, dtype=np.float32))])
    check(False, "an unknown input was taken")
except httpclient.InferenceServerException as error:
    check("not supported" in str(error), f"error {error}")

grpc = grpcclient.InferenceServerClient(address)
over_grpc = ask(grpcclient, grpc)
check(grpc.get_server_metadata().name == "trainyard", "no metadata of the server over gRPC")
check(list(grpc.get_model_metadata("pets").outputs[0].shape) == [-1, 2], "no metadata of the model over gRPC")
for a, b in zip(over_http, over_grpc):
    check(np.allclose(a, b), "other logits over gRPC")
try:
    grpc.get_model_metadata("cars")
    check(False, "another model is there over gRPC")
except grpcclient.InferenceServerException as error:
    check("NOT_FOUND" in str(error.status()) and "pets" in error.message(), f"error {error}")
answers = queue.Queue()
zeros = grpcclient.InferInput("input", [1, 3, 8, 8], "FP32")
zeros.set_data_from_numpy(np.zeros((1, 3, 8, 8), dtype=np.float32))
for _ in range(20):
    grpc.async_infer("pets", [zeros], callback=lambda result, error: answers.put((result, error)))
for _ in range(20):
    result, error = answers.get(timeout=60)
    check(error is None and np.allclose(result.as_numpy("logits"), 0), f"of many at once: {error}")
grpc.close()
print(f"tritonclient_checks={checks}")
