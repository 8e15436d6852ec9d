# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""MLServer: a custom runtime with a handler of its own for pictures."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import common
from fastapi import Request, Response
from mlserver import MLModel
from mlserver.handlers import custom_handler
import orjson


class Classifier(MLModel):
    async def load(self) -> bool:
        self.network = common.load()
        self.pool = ThreadPoolExecutor(int(os.environ.get("POOL", "1")))
        return True

    @custom_handler(rest_path="/predict")
    async def predict_picture(self, request: Request) -> Response:
        data = await request.body()
        found = await asyncio.get_running_loop().run_in_executor(self.pool, self.answer, data)
        return Response(orjson.dumps(found), media_type="application/json")

    def answer(self, data):
        return common.answers(self.network(common.tensor(data)[None]))[0]
