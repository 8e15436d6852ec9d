# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Asks a server with KServe's own clients, over REST and gRPC: kserve_clients.py HOST:PORT RED.png BLUE.png."""

import asyncio
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

address, *files = sys.argv[1:]
pictures = np.array([open(name, "rb").read() for name in files], dtype=np.object_)
checks = 0


def check(condition, what):
    global checks
    if not condition:
        sys.exit(f"kserve_clients.py: {what}")
    checks += 1


def requests():
    """A request of each input, as binary data."""
    tensor = InferInput("input", [2, 3, 8, 8], "FP32")
    tensor.set_data_from_numpy(np.full((2, 3, 8, 8), 0.5, dtype=np.float32), binary_data=True)
    images = InferInput("images", [2], "BYTES")
    images.set_data_from_numpy(pictures, binary_data=True)
    return [InferRequest("pets", [given], request_id="42") for given in (tensor, images)]


def logits(response):
    check(response.id == "42" and response.model_name == "pets", f"answer {response}")
    values = response.outputs[0].as_numpy()
    check(values.shape == (2, 2), f"logits {values}")
    return values


async def main():
    base = "http://" + address
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    check(await rest.is_server_live(base), "the server is not live")
    check(await rest.is_server_ready(base), "the server is not ready")
    check(await rest.is_model_ready(base, "pets"), "the model is not ready")
    over_rest = [logits(await rest.infer(base, request, model_name="pets")) for request in requests()]
    text = InferInput("input", [2, 3, 8, 8], "FP32")
    text.set_data_from_numpy(np.full((2, 3, 8, 8), 0.5, dtype=np.float32), binary_data=False)
    in_json = logits(await rest.infer(base, InferRequest("pets", [text], request_id="42"), model_name="pets"))
    check(np.allclose(in_json, over_rest[0]), "other logits in JSON")
    await rest.close()

    grpc = InferenceGRPCClient(address)
    check(await grpc.is_server_live(), "the server is not live over gRPC")
    check(await grpc.is_server_ready(), "the server is not ready over gRPC")
    check(await grpc.is_model_ready("pets"), "the model is not ready over gRPC")
    over_grpc = [logits(await grpc.infer(request)) for request in requests()]
    await grpc.close()
    for a, b in zip(over_rest, over_grpc):
        check(np.allclose(a, b), "other logits over gRPC")
    check(np.allclose(over_rest[0], 0.5), f"logits of a tensor of 0.5 are {over_rest[0]}")
    red, blue = over_rest[1]
    check(red[0] > red[1] and blue[0] < blue[1], f"red and blue are {over_rest[1]}")


asyncio.run(main())
print(f"kserve_checks={checks}")
