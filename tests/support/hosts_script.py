"""A run of 20 steps on one device, on two, or as one of two hosts.

    python hosts_script.py FOLDER one|two|multi_worker

Leaves in FOLDER the run's files and, of each host, `cut_N.json`: the numbers
of the examples that it cut. Run by test_strategies.py.
"""

import json
import pathlib
import sys
import typing

import keras
import numpy as np
import tensorflow as tf

sys.path.append(str(pathlib.Path(__file__).parents[2]))
import tiny

from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.source import Source
from sis_keras.training.loop import TrainingRun
from sis_keras.training.strategies import make_strategy

folder, kind = sys.argv[1:]
if kind == "two":
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
else:
    strategy = make_strategy(kind)


def pictures():
    for seed in range(3):
        random = np.random.default_rng(seed)
        sharp = random.integers(0, 256, (48, 40, 3), np.uint8)
        yield f"made/{seed}", sharp // 2 + 64, sharp


class Noted(Crops):
    """Crops that remember which were cut."""

    numbers: typing.ClassVar[list[int]] = []

    def cut(self, number):
        self.numbers.append(number)
        return super().cut(number)


source = Source("made", "made", 3, False, "made", pictures)
keras.utils.set_random_seed(0)
with strategy.scope():
    gan = tiny.make_gan(
        "ralsgan",
        content={"content_weight": 0.5},
        generator=lambda: tiny.make_generator(synchronized=kind != "one"),
    )
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
cluster = strategy.cluster_resolver
host = cluster.task_id if kind == "multi_worker" else 0
cache = open_cache([source], f"{folder}/cache_{host}", progress=False)
run = TrainingRun(
    gan,
    {},
    Noted(cache, 16),
    lambda: (("real", *pair) for pair in source.examples()),
    f"{folder}/run",
    batch_size=4,
    steps=20,
    log_every=1,
    validate_every=10,
    checkpoint_every=5,
    strategy=strategy,
)
if pathlib.Path(run.last_path).exists():
    run.resume()
run.run()
pathlib.Path(folder, f"cut_{host}.json").write_text(json.dumps(Noted.numbers))
