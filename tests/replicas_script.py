"""Two replicas against one, same global batch; run by test_gan.py."""

import pathlib
import sys

import numpy as np
import tensorflow as tf

devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    devices[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

sys.path.append(str(pathlib.Path(__file__).parent.parent))
import tiny  # noqa: E402

from sis_keras.cache import open_cache  # noqa: E402
from sis_keras.data import Crops  # noqa: E402
from sis_keras.sources import Source  # noqa: E402
from sis_keras.training import TrainingRun  # noqa: E402


def pictures():
    picture = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
    yield "made/0", picture, 255 - picture


source = Source("made", "made", 1, False, "made", pictures)

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
batches = [tiny.make_batch(seed, count=4) for seed in range(3)]
for batch in batches:
    # Equal halves: each replica's batch statistics are those of the whole.
    for value in batch.values():
        value[2:] = value[:2]
game = {
    "generator": lambda: tiny.make_generator(coarse=True),
    "content": {"content_weight": 0.5},
    "coarse_weight": 0.5,
    "clip_norm": 0.1,
}
single = tiny.make_gan(**game)
with strategy.scope():
    double = tiny.make_gan(**game)


@tf.function
def step(batch):
    logs = strategy.run(double.train_step, args=(batch,))
    return {k: strategy.reduce("MEAN", v, axis=None) for k, v in logs.items()}


dataset = tf.data.Dataset.from_generator(
    lambda: iter(batches),
    output_signature={
        key: tf.TensorSpec(value.shape, value.dtype)
        for key, value in batches[0].items()
    },
)
distributed = strategy.experimental_distribute_dataset(dataset)
for batch, whole in zip(distributed, batches, strict=True):
    logs = step(batch)
    expected = single.train_step({k: tf.constant(v) for k, v in whole.items()})
    for key in expected:
        np.testing.assert_allclose(logs[key], expected[key], rtol=1e-4)
for one, other in zip(
    single.generator.variables
    + single.averaged_generator.variables
    + single.supervision.heads,
    double.generator.variables
    + double.averaged_generator.variables
    + double.supervision.heads,
    strict=True,
):
    np.testing.assert_allclose(one, other, atol=2e-5)

bad = dict(batches[0], blurry=np.full_like(batches[0]["blurry"], np.nan))
before = [v.numpy() for v in double.generator.variables]
dataset = tf.data.Dataset.from_tensors(bad)
for batch in strategy.experimental_distribute_dataset(dataset):
    assert step(batch)["skipped"] == 1
for old, new in zip(before, double.generator.variables, strict=True):
    np.testing.assert_array_equal(old, new.numpy())

# The loop, over both replicas.
cache = open_cache([source], f"{sys.argv[1]}/cache")
run = TrainingRun(
    double,
    {},
    Crops(cache, 16),
    source.examples,
    sys.argv[1],
    batch_size=4,
    steps=2,
    strategy=strategy,
)
run.run()
assert run.step == 2 and run.last_path.exists()
print("equal")
