import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.training.checkpoint import (
    continue_from,
    restore_checkpoint,
    save_checkpoint,
    save_trunk,
    set_trained,
)
from sis_keras.training.schedules import WarmupDecay
from sis_keras.weights.generators import load_generator, save_weights
from sis_keras.weights.tensors import read_tensors, write_tensors

ARGUMENTS = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "batch",
    "name": "tiny",
}
SETTINGS = {"crop_size": 32, "learning_rate": 1e-3, "hold_out": ["a"]}


def state(**more):
    return {"step": 2, "settings": SETTINGS, **more}


def make_gan(adversarial="ralsgan", float16=False):
    return tiny.make_gan(
        adversarial,
        float16,
        lambda: build_generator(**ARGUMENTS),
        coarse_weight=0.5,
    )


def make_batch(seed):
    random = np.random.default_rng(seed)
    return {
        "blurry": random.random((2, 32, 32, 3), np.float32),
        "sharp": random.random((2, 32, 32, 3), np.float32),
        "local_origin": random.integers(17, size=(2, 2)).astype(np.int32),
    }


def train(gan, seeds):
    for seed in seeds:
        batch = make_batch(seed)
        gan.train_step({key: tf.constant(x) for key, x in batch.items()})


def every_variable(gan):
    owners = [
        gan.generator,
        gan.averaged_generator,
        *gan.discriminators,
        gan.generator_optimizer,
        gan.discriminator_optimizer,
    ]
    variables = [v for x in owners if x is not None for v in x.variables]
    variables += [*gan.supervision.heads, gan.skipped, gan.skipped_in_a_row]
    return [np.asarray(v.numpy()) for v in variables]


def assert_equal(gan, expected):
    for ours, theirs in zip(every_variable(gan), expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A game after two steps, and its checkpoint."""
    gan = make_gan()
    train(gan, [0, 1])
    gan.skipped.assign(3)
    gan.skipped_in_a_row.assign(1)
    path = tmp_path_factory.mktemp("run") / "last.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state(logs=[{"loss": 0.1}]))
    return gan, path


def test_a_restored_game_goes_on_bit_for_bit(trained, tmp_path):
    gan, path = trained
    at_save = every_variable(gan)
    train(gan, [2, 3])
    after = every_variable(gan)

    resumed = make_gan()
    found = restore_checkpoint(path, resumed, ARGUMENTS, SETTINGS)
    assert found == state(logs=[{"loss": 0.1}])
    assert_equal(resumed, at_save)
    assert int(resumed.skipped.numpy()) == 3
    assert int(resumed.skipped_in_a_row.numpy()) == 1
    assert int(resumed.discriminator_optimizer.iterations.numpy()) == 2
    train(resumed, [2, 3])
    assert_equal(resumed, after)
    # The comparison is not of things that never move.
    moved = [(a != b).any() for a, b in zip(at_save, after, strict=True)]
    assert np.mean(moved) > 0.9


def test_tuples_are_the_lists_of_the_file(trained, tmp_path):
    """As the presets have them, and JSON does not."""
    gan, _ = trained
    path = tmp_path / "last.safetensors"
    arguments = {**ARGUMENTS, "residual_blocks": (0, 0, 0, 0)}
    settings = {**SETTINGS, "streak": (1, 30)}
    save_checkpoint(path, gan, arguments, state(settings=settings))
    found = restore_checkpoint(path, gan, arguments, settings)
    assert found["settings"]["streak"] == [1, 30]
    continue_from(path, gan, arguments)
    other = {**arguments, "residual_blocks": (0, 0, 0, 1)}
    with pytest.raises(UserError, match="residual_blocks=.*, 1"):
        restore_checkpoint(path, gan, other, settings)
    with pytest.raises(UserError, match="residual_blocks=.*, 1"):
        continue_from(path, gan, other)


# === Another run's whole state, at step 0 ===


def counters(gan):
    """Those that a continued run begins anew."""
    optimizers = [gan.generator_optimizer, gan.discriminator_optimizer]
    steps = [x.iterations for x in optimizers if x is not None]
    return [int(v.numpy()) for v in (*steps, gan.skipped, gan.skipped_in_a_row)]


def rate_of(gan):
    return float(gan.generator_optimizer.learning_rate)


def with_schedule(gan):
    """The same, its learning rates 0.1, 0.2, ... by the step."""
    gan.compile(
        keras.optimizers.Adam(WarmupDecay(1.0, 20, 10)),
        keras.optimizers.Adam(WarmupDecay(1.0, 20, 10)),
    )
    return gan


def test_another_run_begins_with_the_weights_at_step_0(tmp_path):
    gan = with_schedule(make_gan())
    train(gan, [0, 1])
    gan.skipped.assign(3)
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state())
    assert counters(gan) == [2, 2, 3, 0]

    branch = with_schedule(make_gan())
    train(branch, [5])
    continue_from(path, branch, {**ARGUMENTS, "seed": 7})
    assert counters(branch) == [0, 0, 0, 0]
    assert rate_of(gan) == pytest.approx(0.3)
    assert rate_of(branch) == pytest.approx(0.1)
    # All else is taken over.
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        optimizer.iterations.assign(0)
    gan.skipped.assign(0)
    assert_equal(branch, every_variable(gan))
    train(branch, [2])
    train(gan, [2])
    assert_equal(branch, every_variable(gan))


def test_a_half_precision_checkpoint_will_do(trained, tmp_path):
    gan, _ = trained
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state(), half=True)
    tensors, _ = read_tensors(path)
    kinds = {x.dtype.name for x in tensors.values()}
    assert {"float16", "bfloat16"} < kinds and "float32" not in kinds
    branch = make_gan()
    continue_from(path, branch, ARGUMENTS)
    pairs = [
        (ours, theirs)
        for ours, theirs in zip(
            every_variable(branch), every_variable(gan), strict=True
        )
        if theirs.dtype == np.float32 and theirs.ndim
    ]
    for ours, theirs in pairs:
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=4e-3, atol=1e-7)
    assert any((ours != theirs).any() for ours, theirs in pairs)
    train(branch, [2])
    assert int(branch.skipped.numpy()) == 0


@pytest.mark.parametrize(
    "owner, value, kind",
    [("generator", 70000.0, "float16"), ("optimizer", 3.4e38, "bfloat16")],
)
def test_what_half_precision_cannot_hold(tmp_path, owner, value, kind):
    gan = make_gan("none")
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state(), half=True)
    before = path.read_bytes()
    variable = gan.generator.variables[0]
    if owner == "optimizer":
        variable = next(
            v
            for v in gan.generator_optimizer.variables
            if v.dtype == "float32" and len(v.shape) > 1
        )
    variable.assign(np.full(variable.shape, -value, np.float32))
    with pytest.raises(UserError) as caught:
        save_checkpoint(path, gan, ARGUMENTS, state(), half=True)
    for words in (f"{owner}/0", f"{value:g} as {kind}", "step 2", "`resume`"):
        assert words in str(caught.value)
    assert path.read_bytes() == before
    save_checkpoint(path, gan, ARGUMENTS, state())
    resumed = make_gan("none")
    restore_checkpoint(path, resumed, ARGUMENTS, SETTINGS)
    assert_equal(resumed, every_variable(gan))


def test_a_trunk_that_half_precision_cannot_hold(tmp_path):
    gan = make_gan("none")
    variable = gan.generator.variables[0]
    variable.assign(np.full(variable.shape, 70000, np.float32))
    path, trunk = tmp_path / "last.safetensors", tmp_path / "trunk.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state())
    with pytest.raises(UserError, match="last.*generator/0000 with 70000 as"):
        save_trunk(path, trunk)
    assert not trunk.exists()


def test_what_cannot_be_continued_from(trained, tmp_path):
    gan, path = trained
    other = {**ARGUMENTS, "fusion_channels": 8}
    with pytest.raises(UserError, match="fusion_channels=8.*Received: .*=4"):
        continue_from(path, gan, other)
    product = tmp_path / "best.safetensors"
    save_weights(product, gan.generator, ARGUMENTS, state())
    before = every_variable(gan)
    with pytest.raises(UserError, match="best.safetensors, in which .* miss"):
        continue_from(product, gan, ARGUMENTS)
    with pytest.raises(UserError, match="absent.*does not exist"):
        continue_from(tmp_path / "absent.safetensors", gan, ARGUMENTS)
    alone = tmp_path / "alone.safetensors"
    save_checkpoint(alone, make_gan("none"), ARGUMENTS, state())
    with pytest.raises(UserError, match="alone.safetensors, in which .* miss"):
        continue_from(alone, gan, ARGUMENTS)
    assert_equal(gan, before)


def test_a_trunk_that_was_kept(tmp_path):
    """The weights, half as exact; the average begins at them."""
    gan = make_gan("none")
    train(gan, range(2))
    path, trunk = tmp_path / "last.safetensors", tmp_path / "trunk.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state())
    save_trunk(path, trunk)
    assert trunk.stat().st_size < path.stat().st_size / 5
    branch = make_gan("none")
    continue_from(trunk, branch, ARGUMENTS)
    for network in (branch.generator, branch.averaged_generator):
        for found, expected in zip(
            network.get_weights(), gan.generator.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(
                found, expected.astype(np.float16).astype(np.float32)
            )
    train(branch, [3])
    product = tmp_path / "best.safetensors"
    save_weights(product, gan.generator, ARGUMENTS, state())
    with pytest.raises(UserError, match="which holds a product alone"):
        save_trunk(product, trunk)
    with pytest.raises(UserError, match="best.safetensors, which lacks"):
        set_trained(product, gan.generator, {})


def test_the_scale_of_float16_is_part_of_it(tmp_path):
    gan = make_gan("none", float16=True)
    gan.generator_optimizer.dynamic_scale.assign(512.0)
    gan.generator_optimizer.step_counter.assign(17)
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, gan, ARGUMENTS, state())
    expected = every_variable(gan)
    for variable in gan.generator_optimizer.variables:
        variable.assign(variable.value + 1)
    restore_checkpoint(path, gan, ARGUMENTS, SETTINGS)
    assert float(gan.generator_optimizer.dynamic_scale.numpy()) == 512.0
    assert int(gan.generator_optimizer.step_counter.numpy()) == 17
    assert_equal(gan, expected)


def test_a_checkpoint_is_a_weight_file_of_the_average(trained):
    gan, path = trained
    tensors, _ = read_tensors(path)
    generator, metadata = load_generator(path)
    assert metadata["card"]["step"] == 2
    for variable in generator.variables:
        saved = tensors[f"generator/{variable.path}"]
        np.testing.assert_array_equal(variable, saved)
    ours = {f"generator/{v.path}" for v in gan.averaged_generator.variables}
    assert ours == {name for name in tensors if name.startswith("generator/")}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"crop_size": 64}, "crop_size=32. Received: crop_size=64"),
        (
            {"learning_rate": 1e-4},
            "learning_rate=0.001. Received: learning_rate=0.0001",
        ),
        ({"hold_out": []}, r"\['a'\]. Received: hold_out=\[\]"),
        ({"fusion_channels": 8}, "=4. Received: fusion_channels=8"),
        ({"seed": 1}, "seed=None. Received: seed=1"),
    ],
)
def test_other_settings_are_named(trained, change, message):
    _, path = trained
    arguments = {**ARGUMENTS}
    settings = {**SETTINGS, **change}
    if "fusion_channels" in change:
        arguments, settings = {**arguments, **change}, SETTINGS
    with pytest.raises(UserError, match=message):
        restore_checkpoint(path, None, arguments, settings)


def test_settings_of_a_later_version_may_be_none(trained):
    gan, path = trained
    settings = {**SETTINGS, "new_flag": None}
    assert restore_checkpoint(path, gan, ARGUMENTS, settings)["step"] == 2


def test_weights_are_no_checkpoint(trained, tmp_path):
    gan, _ = trained
    path = tmp_path / "best.safetensors"
    save_weights(path, gan.generator, ARGUMENTS, state())
    before = every_variable(gan)
    with pytest.raises(UserError, match="best.safetensors, in which .* miss"):
        restore_checkpoint(path, gan, ARGUMENTS, SETTINGS)
    assert_equal(gan, before)


def test_a_checkpoint_with_another_shape(trained, tmp_path):
    gan, path = trained
    tensors, metadata = read_tensors(path)
    name = next(name for name in tensors if name.endswith("optimizer/0002"))
    tensors[name] = np.zeros((1, 2, 3), np.float32)
    write_tensors(tmp_path / "last.safetensors", tensors, metadata)
    with pytest.raises(UserError, match=f"1 tensors .* such as {name}"):
        restore_checkpoint(
            tmp_path / "last.safetensors", gan, ARGUMENTS, SETTINGS
        )


def test_missing_and_cut_checkpoints(trained, tmp_path):
    gan, path = trained
    cut = tmp_path / "last.safetensors"
    with pytest.raises(UserError, match="last.safetensors, which does not ex"):
        restore_checkpoint(cut, gan, ARGUMENTS, SETTINGS)
    cut.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="last.safetensors, which does not re"):
        restore_checkpoint(cut, gan, ARGUMENTS, SETTINGS)


def test_scores_that_are_no_numbers_come_back(tmp_path, trained):
    gan, _ = trained
    path = tmp_path / "last.safetensors"
    log = float(np.float32(0.1))
    before = state(best_psnr=float("-inf"), logs=[{"loss": log}])
    save_checkpoint(path, gan, ARGUMENTS, before)
    after = restore_checkpoint(path, gan, ARGUMENTS, SETTINGS)
    assert after == before and json.dumps(after) == json.dumps(before)
