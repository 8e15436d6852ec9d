# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Print, as JSON, the runs that MLflow's own client finds by a UID, and what the first one's model answers.

usage: read_run.py NAME UID PICTURES SIZE

NAME is that of the experiment and of the registered model. PICTURES is a file of float32, of shape [N, 3, SIZE, SIZE].
"""

import json
import sys

import mlflow
import numpy
import onnxruntime


def main(name, uid, pictures, size):
    x = numpy.fromfile(pictures, dtype="<f4").reshape([-1, 3, int(size), int(size)])
    found = mlflow.search_runs(experiment_names=[name], filter_string=f"tags.`trainyard.uid` = '{uid}'", output_format="list")
    runs = [
        {
            "id": run.info.run_id,
            "status": run.info.status,
            "params": run.data.params,
            "accuracy": run.data.metrics["test_accuracy"],
            "loss": run.data.metrics["validation_loss"],
        }
        for run in found
    ]
    answers = {}
    for kind, uri in {"runs:/": f"runs:/{runs[0]['id']}/model", "models:/": f"models:/{name}/1"}.items():
        model = mlflow.onnx.load_model(uri)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {session.get_inputs()[0].name: x})
        answers["onnx " + kind] = y.ravel().tolist()
        (y,) = mlflow.pyfunc.load_model(uri).predict(x).values()
        answers["pyfunc " + kind] = y.ravel().tolist()
    print(json.dumps({"runs": runs, "answers": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
