# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Start MLServer with mlserver_app.py: one process, POOL pictures at a time."""

import json
import os
import sys
import tempfile

folder = tempfile.mkdtemp(prefix="mlserver-")
settings = {
    "host": "127.0.0.1",
    "http_port": int(os.environ["PORT"]),
    "grpc_port": 0,
    "metrics_endpoint": None,
    "parallel_workers": 0,
    "debug": False,
    "use_structured_logging": False,
}
model = {"name": "model", "implementation": "mlserver_app.Classifier", "warm_workers": False}
for name, content in (("settings.json", settings), ("model-settings.json", model)):
    with open(os.path.join(folder, name), "w") as file:
        json.dump(content, file)
os.execv(sys.executable, [sys.executable, "-m", "mlserver.cli.main", "start", folder])
