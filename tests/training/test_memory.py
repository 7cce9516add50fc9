"""The memory of a step, beside what was measured; what is said of too much."""

import contextlib
import types

import keras
import pytest
import tensorflow as tf
import tiny

from sis_keras.errors import UserError
from sis_keras.networks.discriminator import build_discriminator
from sis_keras.networks.generator import build_generator
from sis_keras.networks.presets import preset_arguments
from sis_keras.training import device_memory, memory
from sis_keras.training.gan import DeblurringGAN

GIB = 2**30
ONE = tf.distribute.OneDeviceStrategy("/cpu:0")


def preset_gan(preset, parts=1, recompute=False, game=False):
    preset, _, twice = preset.partition(" ")
    arguments = preset_arguments(preset)
    if twice:
        arguments["recurrent_scales"] = 2
    gan = DeblurringGAN(
        build_generator(**arguments),
        build_generator(**arguments),
        build_discriminator(name="global") if game else None,
        build_discriminator(name="local") if game else None,
        adversarial="ralsgan" if game else "none",
        recompute=recompute,
        accumulation=parts,
    )
    gan.compile(keras.optimizers.Adam(), game and keras.optimizers.Adam())
    return gan


@pytest.mark.parametrize(
    "preset, crops, size, parts, recompute, game, measured",
    [
        ("sisnet", 1, 512, 1, False, False, 1270),
        ("sisnet", 4, 512, 1, False, False, 3783),
        ("sisnet", 4, 512, 4, False, False, 1480),
        ("sisnet", 4, 512, 1, True, False, 2296),
        ("sisnet_mobile twice", 8, 256, 1, False, False, 879),
        ("sisnet_mobile twice", 16, 256, 1, False, False, 1401),
        ("sisnet_mobile", 16, 128, 1, False, False, 456),
        ("sisnet_mobile", 16, 256, 1, False, False, 1112),
        ("sisnet_mobile", 16, 256, 4, False, False, 542),
        ("sisnet_mobile", 8, 256, 1, True, False, 548),
        ("sisnet_mobile", 8, 256, 1, False, True, 1733),
    ],
)
def test_near_what_was_measured(
    preset, crops, size, parts, recompute, game, measured
):
    """MiB that steps took, of docs/scaling.md."""
    gan = preset_gan(preset, parts, recompute, game)
    found = memory.step_bytes(gan, crops, size) / 2**20
    assert found == pytest.approx(measured, rel=0.2)


def test_maps_by_hand():
    """A discriminator's at 32: 64 channels at 32, 16 and 8, one score at 4."""
    sizes = memory.maps_of(build_discriminator(), 32, 32)
    pixels = {"rescaled": 3 * 1024, "conv_1": 64 * 1024, "conv_2": 64 * 1024}
    pixels |= {"pool_3": 64 * 256, "conv_4": 64 * 256, "pool_5": 64 * 64}
    pixels |= {"conv_6": 64 * 64, "pool_7": 64 * 16, "conv_8": 64 * 16}
    pixels |= {"conv_9": 16, "pool_10": 1, "score": 1}
    assert sizes == {name: 4 * count for name, count in pixels.items()}


def test_half_precision_takes_half_the_maps():
    arguments = preset_arguments("sisnet")
    whole = memory.maps_of(build_generator(**arguments), 64, 64)
    with policy("mixed_bfloat16"):
        half = memory.maps_of(build_generator(**arguments), 64, 64)
    for name in ("trunk_conv_00", "expanded", "previous_sum"):
        assert half[name] * 2 == whole[name]
    assert half["restored"] == whole["restored"]


@contextlib.contextmanager
def policy(name):
    keras.mixed_precision.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def test_a_game_takes_more_and_a_penalty_more_than_that():
    found = [
        memory.step_bytes(tiny.make_gan(game), 8, 64)
        for game in ("none", "ralsgan", "wgan-gp")
    ]
    assert found == sorted(set(found))


def told(monkeypatch, gib, crops=4):
    """Of so many crops of 512, which take 3.8 GiB, with so much free."""
    monkeypatch.setattr(device_memory, "machine_room", lambda: int(gib * GIB))
    return device_memory.check_memory(preset_gan("sisnet"), crops, 512, ONE)


def test_what_fits_is_passed_over(monkeypatch):
    assert told(monkeypatch, 8) == ""


def test_what_may_not_fit_is_warned_of(monkeypatch):
    for gib in (5, 3.6):
        found = told(monkeypatch, gib)
        assert found.startswith("Warning: `batch_size=4` and `crop_size=512`")
        assert f"where {gib} GiB" in found or f"{1024 * gib:.3g}" in found
        assert "\n" not in found


@pytest.mark.parametrize("crops", [12, 100_000])
def test_what_does_not_fit_is_refused(monkeypatch, crops):
    with pytest.raises(UserError) as caught:
        told(monkeypatch, 8, crops)
    words = (
        f"`batch_size={crops}` and `crop_size=512`",
        "where 8 GiB are free",
        "Lower `batch_size` or `crop_size`",
        "`gradient_accumulation`",
        "`recompute`",
    )
    for word in words:
        assert word in str(caught.value)


def test_a_gpu_s_memory_is_asked_for_a_replica_s_share(monkeypatch):
    """And the machine's for the batches alone; who tells nothing, passes."""
    devices = lambda kind: ["GPU:0"] if kind == "GPU" else []  # noqa: E731
    monkeypatch.setattr(
        device_memory.tf.config, "list_logical_devices", devices
    )
    monkeypatch.setattr(device_memory, "gpu_room", lambda: None)
    assert told(monkeypatch, 1) == ""
    monkeypatch.setattr(device_memory, "gpu_room", lambda: 2 * GIB)
    with pytest.raises(UserError, match="where 2 GiB are free"):
        told(monkeypatch, 1)
    monkeypatch.setattr(device_memory, "gpu_room", lambda: 80 * GIB)
    assert told(monkeypatch, 1) == ""


def test_there_is_no_more_than_a_container_leaves(monkeypatch):
    monkeypatch.setattr(memory, "container_room", lambda: 123)
    assert memory.machine_room() == 123
    monkeypatch.setattr(memory, "container_room", lambda: None)
    assert memory.machine_room() > 2**20


def test_vgg16_within_its_model_by_hand(monkeypatch):
    from sis_keras.networks import imagenet

    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    features = imagenet.vgg16_features(__file__)
    gan = types.SimpleNamespace(
        supervision=types.SimpleNamespace(content={"features": features}),
        penalized=False,
        discriminators=(),
    )
    # 64 maps at 1/1, 128 at 1/2, 256 at 1/4: convolutions 2, 2, 3, with a
    # pooling before each of the last two; float32, of two pictures.
    floats = 2 * 64 + 64 / 4 + 2 * 128 / 4 + 128 / 16 + 3 * 256 / 16
    found = memory._others_maps(gan, 64)
    assert found == 2 * 4 * 64**2 * floats
