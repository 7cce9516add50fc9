"""Two replicas against one, same global batch; run by test_gan.py."""

import pathlib
import sys

import numpy as np
import tensorflow as tf

devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    devices[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

sys.path.append(str(pathlib.Path(__file__).parents[2]))
import tiny  # noqa: E402

from sis_keras.data.cache import open_cache  # noqa: E402
from sis_keras.data.crops import Crops  # noqa: E402
from sis_keras.data.source import Source  # noqa: E402
from sis_keras.training.loop import TrainingRun  # noqa: E402
from sis_keras.training.muon import ConvMuon  # noqa: E402


def pictures():
    picture = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
    yield "made/0", picture, 255 - picture


source = Source("made", "made", 1, False, "made", pictures)


def global_batches():
    batches = [tiny.make_batch(seed, count=4) for seed in range(3)]
    for batch in batches:
        # Equal halves: each replica's batch statistics are those of the whole.
        for value in batch.values():
            value[2:] = value[:2]
    return batches


def make_gan(adversarial, synchronized=False, **saving):
    """The game by Adam; without one Muon, which then works in groups."""
    gan = tiny.make_gan(
        adversarial,
        generator=lambda: tiny.make_generator(True, synchronized),
        **saving,
        content={"content_weight": 0.5},
        coarse_weight=0.5,
        clip_norm=0.1,
    )
    if adversarial == "none":
        muon = ConvMuon(1e-3, weight_decay=0.5, adam_weight_decay=0.1)
        gan.compile(muon)
    return gan


def distributed_step(strategy, gan):
    @tf.function
    def step(batch):
        logs = strategy.run(gan.train_step, args=(batch,))
        return {
            k: strategy.reduce("MEAN", v, axis=None) for k, v in logs.items()
        }

    return step


def variables(gan):
    models = gan.generator, gan.averaged_generator
    return [v for x in models for v in x.variables] + gan.supervision.heads


def assert_equal(strategy, adversarial, recompute=False, accumulation=1):
    """Three steps by replicas and by one device; then a bad one."""
    single = make_gan(adversarial, accumulation=accumulation)
    with strategy.scope():
        double = make_gan(
            adversarial,
            synchronized=strategy.num_replicas_in_sync > 1,
            recompute=recompute,
            accumulation=accumulation,
        )
    batches = global_batches()
    step = distributed_step(strategy, double)
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
        expected = single.train_step(
            {k: tf.constant(v) for k, v in whole.items()}
        )
        for key in expected:
            np.testing.assert_allclose(logs[key], expected[key], rtol=1e-4)
    for one, other in zip(variables(single), variables(double), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)

    bad = dict(batches[0], blurry=np.full_like(batches[0]["blurry"], np.nan))
    before = [v.numpy() for v in variables(double)]
    dataset = tf.data.Dataset.from_tensors(bad)
    for batch in strategy.experimental_distribute_dataset(dataset):
        assert step(batch)["skipped"] == 1
    for old, new in zip(before, variables(double), strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    return double


# One device of a strategy must not be taken for none.
mirrored = tf.distribute.MirroredStrategy(["CPU:0"])
assert_equal(mirrored, "none", accumulation=2)
assert_equal(mirrored, "ralsgan", recompute=True, accumulation=2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert_equal(strategy, "none", recompute=True)
double = assert_equal(strategy, "ralsgan")

# The loop, over both replicas.
cache = open_cache([source], f"{sys.argv[1]}/cache")
run = TrainingRun(
    double,
    {},
    Crops(cache, 16),
    lambda: (("real", *pair) for pair in source.examples()),
    sys.argv[1],
    batch_size=4,
    steps=2,
    strategy=strategy,
)
run.run()
assert run.step == 2 and run.last_path.exists()
print("equal")
