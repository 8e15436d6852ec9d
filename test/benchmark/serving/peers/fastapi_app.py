# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""FastAPI with uvicorn: POOL threads of each worker decode and compute."""

import os
from concurrent.futures import ThreadPoolExecutor
import asyncio

import common
from fastapi import FastAPI, Request

app = FastAPI()
network = common.load()
pool = ThreadPoolExecutor(int(os.environ.get("POOL", "1")))


def answer(data):
    return common.answers(network(common.tensor(data)[None]))[0]


@app.post("/predict")
async def predict(request: Request):
    return await asyncio.get_running_loop().run_in_executor(pool, answer, await request.body())
