# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""LitServe: WORKERS processes compute, batches of up to BATCH."""

import os

import common
import litserve
import numpy
from fastapi import UploadFile

BATCH = int(os.environ.get("BATCH", "1"))


class Classifier(litserve.LitAPI):
    def setup(self, device):
        self.network = common.load()

    def decode_request(self, request: UploadFile):
        return common.tensor(request.file.read())

    def predict(self, x):
        return self.network(x if BATCH > 1 else x[None])

    def batch(self, inputs):
        return numpy.stack(inputs)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return common.answers(output if BATCH == 1 else output[None])[0]


if __name__ == "__main__":
    api = Classifier(max_batch_size=BATCH, batch_timeout=0.002 if BATCH > 1 else 0)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=int(os.environ.get("WORKERS", "1")))
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, generate_client_file=False, log_level="warning", access_log=False)
