# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""mosec: WORKERS processes compute, batches of up to BATCH."""

import os

import common
import numpy
from mosec import Server, Worker

BATCH = int(os.environ.get("BATCH", "1"))


class Classifier(Worker):
    def __init__(self):
        self.network = common.load()

    def deserialize(self, data):
        return common.tensor(data)

    def forward(self, data):
        if BATCH == 1:
            return common.answers(self.network(data[None]))[0]
        return common.answers(self.network(numpy.stack(data)))


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classifier, route="/predict", num=int(os.environ.get("WORKERS", "1")), max_batch_size=BATCH, max_wait_time=2 if BATCH > 1 else 0, timeout=60)
    server.run()
