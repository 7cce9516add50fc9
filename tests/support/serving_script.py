"""Runs a SavedModel in a process that has none of our code.

    python serving_script.py FOLDER REQUESTS.npz ANSWERS.npz

A request has its signature's name, then a number. The answers have those of
both of TensorFlow's loaders.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

# For benchmarks.local_server alone.
sys.path.append(str(pathlib.Path(__file__).parents[2]))

import serving_stand_in


def main(folder, requests, answers):
    model = serving_stand_in.Model(folder)
    loaded = tf.saved_model.load(folder)
    found = {}
    for key, value in np.load(requests, allow_pickle=True).items():
        name = key.partition("-")[0]
        (argument,) = model.signatures[name].inputs
        value = tf.constant(value.tolist() if value.dtype == object else value)
        found[f"{key}-v1"] = model(name, {argument: value.numpy()})
        found[f"{key}-v2"] = {
            result: answer.numpy()
            for result, answer in loaded.signatures[name](
                **{argument: value}
            ).items()
        }
    assert "sis_keras" not in sys.modules
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
