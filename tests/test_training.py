import csv
import json

import numpy as np
import pytest
import tensorflow as tf
import tiny

from sis_keras.cache import open_cache
from sis_keras.checkpoint import refuse_to_overwrite
from sis_keras.data import Crops
from sis_keras.errors import UserError
from sis_keras.inception import TrunkNormalization
from sis_keras.metrics import psnr
from sis_keras.pictures import to_uint8
from sis_keras.sources import Source
from sis_keras.training import TrainingRun


def pictures():
    random = np.random.default_rng(0)
    for name in ("a/0", "a/1", "b/0"):
        sharp = random.integers(256, size=(40, 48, 3), dtype=np.uint8)
        yield name, to_uint8(0.9 * sharp / 255), sharp


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    source = Source("made", "made", 3, False, "made", pictures)
    return open_cache([source], tmp_path_factory.mktemp("cache"))


def make_run(cache, output, gan=None, **arguments):
    settings = {"steps": 6, "batch_size": 2, "log_every": 1, **arguments}
    return TrainingRun(
        gan or tiny.make_gan("none"),
        {},
        Crops(cache, 16, crops_per_picture=3, seed=1),
        pictures,
        output,
        **settings,
    )


def rows(path):
    with open(path) as file:
        return [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def test_a_run_learns_and_keeps_its_best(cache, tmp_path):
    run = make_run(cache, tmp_path, steps=40, validate_every=10)
    run.run()
    validation = rows(tmp_path / "validation.csv")
    assert [row["step"] for row in validation] == [0, 10, 20, 30, 40]
    expected = np.mean([psnr(blurry, sharp) for _, blurry, sharp in pictures()])
    assert validation[0]["blurred_psnr"] == pytest.approx(expected, abs=1e-3)
    assert validation[0]["gain"] == 0
    assert run.best_psnr == pytest.approx(
        max(row["psnr"] for row in validation), abs=1e-3
    )
    # Brightening by a ninth is what there is to learn.
    assert validation[-1]["gain"] > 0.3
    assert [row["step"] for row in rows(tmp_path / "training.csv")] == list(
        range(1, 41)
    )


def test_resumed_in_the_middle_of_an_epoch_equals_uninterrupted(
    cache, tmp_path
):
    whole = make_run(cache, tmp_path / "whole", tiny.make_gan("ralsgan"))
    whole.run()
    first = make_run(
        cache, tmp_path / "cut", tiny.make_gan("ralsgan"), checkpoint_every=2
    )
    keep = first._checkpoint

    def cut_after_step_4():
        keep()
        if first.step == 4:
            raise KeyboardInterrupt

    first._checkpoint = cut_after_step_4
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = make_run(cache, tmp_path / "cut", tiny.make_gan("ralsgan"))
    second.resume()
    assert second.step == 4
    second.run()
    for name in ("last.safetensors", "best.safetensors", "training.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes()


def test_averages_stand_still_once_frozen(cache, tmp_path):
    gan = tiny.make_gan("none")
    (norm,) = [
        layer
        for layer in gan.generator.layers
        if isinstance(layer, TrunkNormalization)
    ]
    seen = []
    run = make_run(cache, tmp_path, gan, freeze_batch_norm_at=3)
    write = run._write_logs

    def record():
        seen.append(norm.moving_mean.numpy())
        return write()

    run._write_logs = record
    run.run()
    moved = [(a != b).any() for a, b in zip(seen[:-1], seen[1:], strict=True)]
    assert moved == [True, True, False, False, False]


def test_steps_that_are_not_finite_stop_the_run(cache, tmp_path):
    gan = tiny.make_gan("none")
    run = make_run(cache, tmp_path, gan, steps=50, most_skipped=4)
    # A weight that is not finite makes every step bad.
    kernel = gan.generator.trainable_variables[0]
    kernel.assign(tf.fill(kernel.shape, np.nan))
    with pytest.raises(UserError, match="4 steps.*not finite"):
        run.run()
    assert run.step == 4
    assert run.last_path.exists()
    assert rows(tmp_path / "training.csv")[-1]["skipped"] == 1


def test_a_signal_ends_the_run_between_two_steps(cache, tmp_path):
    run = make_run(cache, tmp_path, steps=50)
    write = run._write_logs

    def interrupt():
        if run.step == 3:
            run._stop("SIGTERM")
        return write()

    run._write_logs = interrupt
    with pytest.raises(UserError, match="SIGTERM at step 3 of 50.*--resume"):
        run.run()
    resumed = make_run(cache, tmp_path, steps=50)
    resumed.resume()
    assert resumed.step == 3


def test_an_old_run_is_not_overwritten(cache, tmp_path):
    make_run(cache, tmp_path, steps=1).run()
    with pytest.raises(UserError, match="--resume"):
        refuse_to_overwrite(tmp_path)
    refuse_to_overwrite(tmp_path / "new")


def test_nothing_to_go_on_with(cache, tmp_path):
    with pytest.raises(UserError, match="Leave out --resume"):
        make_run(cache, tmp_path).resume()


def test_an_identical_pair_does_not_hide_the_others(cache, tmp_path):
    def with_identical():
        yield from pictures()
        sharp = np.full((20, 20, 3), 100, np.uint8)
        yield "c/0", sharp, sharp

    run = make_run(cache, tmp_path, steps=1)
    run.validation = with_identical
    run.run()
    expected = np.mean([psnr(blurry, sharp) for _, blurry, sharp in pictures()])
    row = rows(tmp_path / "validation.csv")[0]
    assert row["psnr"] == pytest.approx(expected, abs=1e-3)
    assert row["gain"] == 0


def test_xla_computes_the_same(cache, tmp_path):
    for name, xla in (("plain", False), ("xla", True)):
        gan = tiny.make_gan("none")
        make_run(cache, tmp_path / name, gan, jit_compile=xla, steps=2).run()
    plain = rows(tmp_path / "plain" / "training.csv")
    compiled = rows(tmp_path / "xla" / "training.csv")
    for one, other in zip(plain, compiled, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_the_card_of_the_best_weights_is_whole(cache, tmp_path):
    run = make_run(cache, tmp_path, settings={"data": "made"})
    run.run()
    from sis_keras.weights import read_tensors

    _, metadata = read_tensors(run.best_path)
    card = metadata["card"]
    assert card["data"] == "made" and card["step"] == run.best_step
    assert json.dumps(card)
