"""What test_loop.py runs in a Python without TensorFlow."""

import no_tensorflow  # noqa: F401

# isort: split
import os
import pathlib
import shutil
import signal
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
import tiny

from sis_keras.errors import UserError
from sis_keras.training import memory
from sis_keras.training.checkpoint import continue_from
from sis_keras.training.on_jax import memory as jax_memory
from sis_keras.training.on_jax.device_pictures import stack_pairs
from sis_keras.training.on_jax.loop import JaxRun
from sis_keras.training.on_jax.step import ContentTraining
from sis_keras.training.schedules import WarmupDecay

CONTENT = {"content": "charbonnier", "content_weight": 1.0}


def make_training(precision="float32", coarse=False, **arguments):
    averaged = tiny.make_generator(coarse)
    keras.config.set_dtype_policy(precision)
    generator = tiny.make_generator(coarse)
    keras.config.set_dtype_policy("float32")
    generator.set_weights(averaged.get_weights())
    arguments = {"optimizer": keras.optimizers.Adam(1e-2), **arguments}
    return ContentTraining(generator, averaged, content=CONTENT, **arguments)


def flat(state):
    return [np.asarray(x) for x in jax.tree.leaves(state)]


# === One step ===


def steps_like(folder, kind):
    """The batches of a `given.npz`, from its weights, a step with each."""
    given = np.load(folder / kind / "given.npz")
    training = make_training(
        coarse=kind == "coarse",
        coarse_weight=0.5 * (kind == "coarse"),
        clip_norm=0.05,
        ema_decay=0.7,
    )
    count = len(training.generator.variables)
    values = [given[f"weight{number}"] for number in range(count)]
    training.generator.set_weights(values)
    training.averaged_generator.set_weights(values)
    state, rows = training.get(), []
    for blurry, sharp in zip(given["blurry"], given["sharp"], strict=True):
        state, logs = training.update(state, blurry, sharp)
        rows.append({key: float(value) for key, value in logs.items()})
    training.put(state)
    np.savez(
        folder / kind / "taken.npz",
        **{key: [row[key] for row in rows] for key in rows[0]},
        **{
            f"{name}{number}": np.asarray(value)
            for name, values in (
                ("weight", training.generator.get_weights()),
                ("average", training.averaged_generator.get_weights()),
                ("head", training.supervision.heads),
                ("optimizer", training.generator_optimizer.variables),
            )
            for number, value in enumerate(values)
        },
    )


def not_finite():
    """A bad step changes nothing but the counters; a good one resets one."""
    training = make_training("mixed_bfloat16", coarse=True, coarse_weight=0.5)
    batch = tiny.make_batch()
    good = batch["blurry"], batch["sharp"]
    bad = batch["blurry"] * np.float32("nan"), batch["sharp"]
    before, _ = training.update(training.get(), *good)
    after, logs = training.update(before, *bad)
    assert logs["skipped"] == 1
    assert [int(x) for x in after[-2:]] == [1, 1]
    for old, new in zip(flat(before[:4]), flat(after[:4]), strict=True):
        np.testing.assert_array_equal(new, old)
    again, _ = training.update(after, *good)
    assert [int(x) for x in again[-2:]] == [1, 0]
    moved = [
        (old != new).any()
        for old, new in zip(flat(after[:4]), flat(again[:4]), strict=True)
    ]
    assert np.mean(moved) > 0.8


def flops():
    """Both convolutions of 3x3, 3 to 4 to 3 channels, by hand; a 'same'
    convolution skips the zeros around its border."""
    size = 64
    by_hand = 3 * 2 * (3 * size - 2) ** 2 * (3 * 4 + 4 * 3)
    counted = make_training().flops(size)
    assert 1 < counted / by_hand < 1.1, counted / by_hand


# === The run ===


def pairs():
    random = np.random.default_rng(0)
    for size in ((40, 48), (44, 38), (36, 40)):
        sharp = random.integers(256, size=(*size, 3), dtype=np.uint8)
        yield (sharp * 0.9).astype(np.uint8), sharp


def make_run(output, precision="mixed_bfloat16", **settings):
    # So small that each kind takes more than one array.
    kinds = [stack_pairs(list(pairs()), seed, 15_000) for seed in range(2)]
    assert [len(kind) for kind in kinds] == [3, 3]
    schedule = WarmupDecay(1e-2, 12, 2, "cosine", 1e-4)
    training = make_training(
        precision, optimizer=keras.optimizers.Adam(schedule)
    )
    examples = [
        (group, "a/0", *pair)
        for group, pair in zip(("real", "real", "flow"), pairs(), strict=True)
    ]
    settings = {"steps": 12, "log_every": 2, "validate_every": 4, **settings}
    return JaxRun(
        training,
        {},
        lambda step: (kinds, None),
        [2, 1],
        examples,
        output,
        16,
        seed=3,
        **settings,
    )


def runs(folder):
    """`whole/`, and `cut/` that ran out of time at step 6 and went on."""
    make_run(folder / "whole", peak=1e9).run()
    first = make_run(folder / "cut", deadline=time.monotonic() + 1e6)
    steps = first._some_steps

    def and_out_of_time(progress):
        steps(progress)
        if first.step == 6:
            first.deadline = 0.0

    first._some_steps = and_out_of_time
    first.run()
    assert first.step == 6
    shutil.copytree(folder / "cut", folder / "at_six")
    second = make_run(folder / "cut")
    second.resume()
    assert second.step == 6
    second.run()


def half(folder):
    run = make_run(folder / "half", half=True, deadline=0.0)
    run.run()
    again = make_run(folder / "half")
    again.resume()
    for old, new in zip(flat(run.state), flat(again.state), strict=True):
        np.testing.assert_allclose(new, old, rtol=2e-3, atol=1e-6)


def continued(folder):
    """Another run begins with that state at step 0, where its rate is."""
    run = make_run(folder / "whole")
    run.resume()
    training = make_training(
        "mixed_bfloat16",
        optimizer=keras.optimizers.Adam(WarmupDecay(1e-2, 12, 2)),
    )
    continue_from(folder / "whole/last.safetensors", training, {})
    state = training.get()
    for part in ("trainable", "moving", "average"):
        for old, new in zip(
            flat(getattr(run.state, part)),
            flat(getattr(state, part)),
            strict=True,
        ):
            np.testing.assert_array_equal(new, old)
    assert int(run.training.generator_optimizer.iterations) == 12
    assert int(training.generator_optimizer.iterations) == 0
    _, logs = training.update(state, *batch_of(0))
    # A step of the warm-up is done.
    assert abs(float(logs["learning_rate"]) - 1e-2) < 1e-8


def batch_of(seed):
    batch = tiny.make_batch(seed)
    return batch["blurry"], batch["sharp"]


def mistakes(folder):
    for settings, words in (
        ({"validate_every": 5}, "`validate_every=5`"),
        ({"freeze_batch_norm_at": 3}, "`freeze_batch_norm_at=3`"),
    ):
        try:
            make_run(folder, **settings)
        except UserError as error:
            assert words in str(error), error
        else:
            raise AssertionError(f"{settings} went through")
    run = make_run(folder / "lost", most_skipped=2)
    run.state = run.state._replace(trainable=[x * np.nan for x in run.state[0]])
    run.state = jax.tree.map(jax.numpy.asarray, run.state)
    run._validate = lambda: None
    try:
        run.run()
    except UserError as error:
        assert "Stopped at step 2" in str(error), error
    else:
        raise AssertionError("NaN went through")


def freezing(folder):
    """From the step on the averages of batch normalisation stand still."""
    run = make_run(folder / "frozen", freeze_batch_norm_at=4)
    seen = []
    steps = run._some_steps

    def noted(progress):
        steps(progress)
        seen.append(np.concatenate([x.ravel() for x in flat(run.state.moving)]))

    run._some_steps = noted
    run.run()
    assert (seen[0] != seen[1]).any()
    for later in seen[2:]:
        np.testing.assert_array_equal(later, seen[1])


def deadlines(folder):
    """The next call must leave time for a checkpoint, and a validation."""
    run = make_run(folder / "late", deadline=time.monotonic() + 1000)
    assert run._in_time()
    run._longest["validation"] = 1e4
    assert run._in_time()  # Step 2 validates nothing.
    run.step = 2
    assert not run._in_time()
    run.step = 10  # The last one always does.
    run.validate_every = 5
    assert not run._in_time()
    run.step, run._longest["checkpoint"] = 0, 1e4
    assert not run._in_time()


def timed(folder):
    """A run that goes on knows beforehand how long both take."""
    run = make_run(folder / "at_six", deadline=0.0)
    run.resume()
    run.run()
    assert run._longest["validation"] > 0 < run._longest["checkpoint"]


def signals(folder):
    run = make_run(folder / "stopped")
    steps = run._some_steps

    def and_stopped(progress):
        steps(progress)
        if run.step == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    run._some_steps = and_stopped
    try:
        run.run()
    except UserError as error:
        assert "Stopped by SIGTERM at step 6 of 12" in str(error), error
    else:
        raise AssertionError("SIGTERM went through")
    again = make_run(folder / "stopped")
    again.resume()
    assert again.step == 6


def memory_of_a_step():
    """Beside what XLA says of the compiled step; then what is said of much."""
    training, crops = make_training(), 16
    batch = jax.ShapeDtypeStruct((crops, 128, 128, 3), "float32")
    update = jax.jit(training.update, donate_argnums=0)
    step = update.lower(training.get(), batch, batch).compile()
    taken = step.memory_analysis().temp_size_in_bytes
    found = memory.step_bytes(training, crops, 128) - memory.FIXED
    assert 0.7 < found / taken < 1.4, (found, taken)
    jax_memory.device_room = lambda: 2**30
    assert jax_memory.check_memory(training, crops, 128) == ""
    try:
        jax_memory.check_memory(training, 10**6, 128)
    except UserError as error:
        said = str(error)
    assert "`batch_size=1000000` and `crop_size=128`" in said
    assert said.endswith(
        "where 1 GiB are free. Lower `batch_size` or `crop_size`."
    )
    jax_memory.device_room = lambda: None
    assert jax_memory.check_memory(training, 10**6, 128) == ""


if __name__ == "__main__":
    where = pathlib.Path(sys.argv[1])
    steps_like(where, "fine")
    steps_like(where, "coarse")
    not_finite()
    flops()
    runs(where)
    half(where)
    continued(where)
    mistakes(where)
    freezing(where)
    memory_of_a_step()
    deadlines(where)
    timed(where)
    signals(where)
    assert "tensorflow" not in sys.modules
