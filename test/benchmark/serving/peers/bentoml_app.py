# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""BentoML: WORKERS processes, each with POOL pictures at a time. Its batches take lists only, which a picture as the body is none of."""

import os
from pathlib import Path
from typing import Annotated

import bentoml
import common

WORKERS = int(os.environ.get("WORKERS", "1"))


@bentoml.service(workers=WORKERS, threads=int(os.environ.get("POOL", "1")), traffic={"timeout": 60}, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Classifier:
    def __init__(self):
        self.network = common.load()

    @bentoml.api(route="/predict")
    def predict(self, picture: Annotated[Path, bentoml.validators.ContentType("image/jpeg")], /) -> dict:
        return common.answers(self.network(common.tensor(picture.read_bytes())[None]))[0]
