"""Runs a SavedModel in a process that has none of our code.

    python serving_script.py FOLDER REQUESTS.npz ANSWERS.npz

A request has its signature's name, then a number. The answers have those of
both of TensorFlow's loaders.
"""

import sys

import loaded_model
import numpy as np
import tensorflow as tf


def main(folder, requests, answers):
    model = loaded_model.Model(folder)
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
    assert not {"sis_keras", "benchmarks"} & sys.modules.keys()
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
