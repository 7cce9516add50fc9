import csv
import itertools
import json
import types

import numpy as np
import pytest
import tensorflow as tf
import tiny

from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.files.pictures import to_uint8
from sis_keras.networks.inception import TrunkNormalization
from sis_keras.training import loop, validation
from sis_keras.training.loop import TrainingRun
from sis_keras.training.muon import ConvMuon
from sis_keras.weights.tensors import read_tensors, write_tensors

RATES = ("steps_per_second", "gflops")


def pictures():
    random = np.random.default_rng(0)
    for name in ("a/0", "a/1", "b/0"):
        sharp = random.integers(256, size=(40, 48, 3), dtype=np.uint8)
        yield name, to_uint8(0.9 * sharp / 255), sharp


def examples():
    return (("real", *pair) for pair in pictures())


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
        examples,
        output,
        **settings,
    )


def rows(path):
    with open(path) as file:
        return [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def without_rates(folder):
    """The rows of training.csv but for what the machine's speed decides."""
    return [
        {k: v for k, v in row.items() if k not in RATES}
        for row in rows(folder / "training.csv")
    ]


class TwoPools:
    """Another one after three steps."""

    def __init__(self, crops, last):
        self.crops, self.crop_size, self.last = crops, crops.crop_size, last
        self.saved = []

    def at(self, step):
        if self.last.exists():
            self.saved.append(
                (step, read_tensors(self.last)[1]["card"]["step"])
            )
        return self.crops, 3 if step < 3 else None


def test_all_is_saved_before_another_pool_is_waited_for(cache, tmp_path):
    run = make_run(cache, tmp_path)
    run.crops = TwoPools(run.crops, run.last_path)
    run.run()
    # At the beginning, for the first batch, and where the second pool begins.
    assert run.crops.saved == [(0, 0), (0, 0), (3, 3)]


def test_a_run_learns_and_keeps_its_best(cache, tmp_path):
    run = make_run(cache, tmp_path, steps=40, validate_every=10)
    run.run()
    validation = rows(tmp_path / "validation.csv")
    assert [row["step"] for row in validation] == [0, 10, 20, 30, 40]
    expected = np.mean([psnr(blurry, sharp) for _, blurry, sharp in pictures()])
    assert validation[0]["blurred_psnr"] == pytest.approx(expected, abs=1e-3)
    assert validation[0]["gain"] == 0
    assert all(0 <= row["dead"] < 1 for row in validation)
    assert [row["gain_real"] for row in validation] == pytest.approx(
        [row["gain"] for row in validation]
    )
    unharmed, gain = run.best
    assert unharmed
    assert gain == pytest.approx(max(row["gain"] for row in validation), 1e-3)
    # Brightening by a ninth is what there is to learn.
    assert validation[-1]["gain"] > 0.3
    assert [row["step"] for row in rows(tmp_path / "training.csv")] == list(
        range(1, 41)
    )


def muon_gan():
    """No game, where the step is guarded as a whole; Muon in bfloat16."""
    gan = tiny.make_gan("none", clip_norm=0.5)
    gan.compile(ConvMuon(1e-2, weight_decay=0.5, orthogonal_dtype="bfloat16"))
    return gan


@pytest.mark.parametrize("make_gan", [tiny.make_gan, muon_gan])
def test_resumed_in_the_middle_of_an_epoch_equals_uninterrupted(
    cache, tmp_path, make_gan
):
    whole = make_run(cache, tmp_path / "whole", make_gan())
    whole.run()
    first = make_run(cache, tmp_path / "cut", make_gan(), checkpoint_every=2)
    keep = first._checkpoint

    def cut_after_step_4():
        keep()
        if first.step == 4:
            raise KeyboardInterrupt

    first._checkpoint = cut_after_step_4
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = make_run(cache, tmp_path / "cut", make_gan())
    second.resume()
    assert second.step == 4
    assert second.best == first.best
    second.run()
    cut, uncut = tmp_path / "cut", tmp_path / "whole"
    for name in ("last.safetensors", "best.safetensors", "validation.csv"):
        assert (cut / name).read_bytes() == (uncut / name).read_bytes()
    assert without_rates(cut) == without_rates(uncut)


def test_lengthened_at_a_constant_rate_it_is_the_longer_run(cache, tmp_path):
    whole = make_run(cache, tmp_path / "whole", settings={"steps": 6})
    whole.run()
    for steps in (4, 6):
        run = make_run(
            cache, tmp_path / "cut", steps=steps, settings={"steps": steps}
        )
        if steps == 6:
            run.resume()
            assert run.step == 4
        run.run()
    ours, theirs = (
        read_tensors(tmp_path / name / "last.safetensors")[0]
        for name in ("cut", "whole")
    )
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        np.testing.assert_array_equal(ours[name], expected, name)
    assert without_rates(tmp_path / "cut") == without_rates(tmp_path / "whole")


def test_a_checkpoint_that_knows_no_gains_goes_on(cache, tmp_path):
    """Its best is a PSNR, which the first validation replaces."""
    make_run(cache, tmp_path, steps=2, checkpoint_every=2).run()
    path = tmp_path / "last.safetensors"
    tensors, metadata = read_tensors(path)
    del metadata["card"]["best"]
    metadata["card"]["best_psnr"] = 99.0
    write_tensors(path, tensors, metadata)
    run = make_run(cache, tmp_path, steps=4)
    run.resume()
    assert (run.step, run.best) == (2, None)
    run.run()
    assert run.best[0] and run.best_step == 4
    _, metadata = read_tensors(run.best_path)
    assert metadata["card"]["step"] == 4


def test_harmed_sharp_pictures_are_never_the_best(cache, tmp_path):
    run = make_run(cache, tmp_path, steps=2, validate_every=1)
    sharp = [40.0, 39.0, 50.0]
    gains = [0.0, 9.0, 0.1]
    rows_given = iter(
        [
            {"gain": gain, "gain_real": gain, "sharp_worst": s, "shift": 0.0}
            for gain, s in zip(gains, sharp, strict=True)
        ]
    )
    best = []

    def validated(*_):
        best.append(run.best_step)
        return next(rows_given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "validated", validated)
        run.run()
    assert best == [0, 0, 0] and run.best_step == 2
    assert run.best == (True, 0.1)


def test_the_rates_are_those_of_the_clock(cache, tmp_path, monkeypatch):
    """Four steps in two seconds, and their arithmetic by hand."""
    now = iter((10.0, 12.0))
    clock = types.SimpleNamespace(monotonic=lambda: next(now))
    monkeypatch.setattr(loop, "time", clock)
    run = make_run(cache, tmp_path, batch_size=2)
    assert run._rates() == {"steps_per_second": 0.0, "gflops": 0.0}
    run.step += 4
    rates = run._rates()
    # Two convolutions of 3x3 on crops of 16x16, forward and twice backward.
    adds = 16 * 16 * 9 * (3 * 4 + 4 * 3)
    assert rates == {
        "steps_per_second": 2.0,
        "gflops": pytest.approx(2.0 * 2 * 6 * adds / 1e9),
    }


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
    moved = [(a != b).any() for a, b in itertools.pairwise(seen)]
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
    with pytest.raises(UserError, match="SIGTERM at step 3 of 50.*`resume`"):
        run.run()
    resumed = make_run(cache, tmp_path, steps=50)
    resumed.resume()
    assert resumed.step == 3


def test_nothing_to_go_on_with(cache, tmp_path):
    with pytest.raises(UserError, match="Leave out `resume`"):
        make_run(cache, tmp_path).resume()


def test_an_identical_pair_does_not_hide_the_others(cache, tmp_path):
    def with_identical():
        yield from examples()
        sharp = np.full((20, 20, 3), 100, np.uint8)
        yield "sharp", "c/0", sharp, sharp

    run = make_run(cache, tmp_path, steps=1)
    run.validation = with_identical
    run.run()
    expected = np.mean([psnr(blurry, sharp) for _, blurry, sharp in pictures()])
    row = rows(tmp_path / "validation.csv")[0]
    assert row["psnr"] == pytest.approx(expected, abs=1e-3)
    assert row["gain"] == 0 and row["sharp_worst"] == np.inf


def test_xla_computes_the_same(cache, tmp_path):
    for name, xla in (("plain", False), ("xla", True)):
        gan = tiny.make_gan("none")
        make_run(cache, tmp_path / name, gan, jit_compile=xla, steps=2).run()
    plain = without_rates(tmp_path / "plain")
    compiled = without_rates(tmp_path / "xla")
    for one, other in zip(plain, compiled, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_the_card_of_the_best_weights_is_whole(cache, tmp_path):
    run = make_run(cache, tmp_path, settings={"data": "made"})
    run.run()
    _, metadata = read_tensors(run.best_path)
    card = metadata["card"]
    assert card["data"] == "made" and card["step"] == run.best_step
    assert json.dumps(card)


def test_a_game_that_is_over_ends_the_run(cache, tmp_path):
    gan = tiny.make_gan()
    for discriminator in gan.discriminators:
        for variable in discriminator.trainable_variables:
            variable.assign(np.zeros(variable.shape))
    run = make_run(cache, tmp_path, gan, steps=50)
    with pytest.raises(UserError, match="step 5: the game collapsed: the disc"):
        run.run()
    assert len(rows(tmp_path / "training.csv")) == 5
    again = make_run(cache, tmp_path, steps=50, gan=tiny.make_gan())
    again.resume()
    assert again.step == 5


def test_a_game_tells_who_wins(cache, tmp_path):
    make_run(cache, tmp_path, tiny.make_gan(), steps=4, log_every=2).run()
    for row in rows(tmp_path / "training.csv"):
        assert 0 <= row["global_told_apart"] <= 1
        assert row["discriminators_win"] in (0.0, 0.5, 1.0)
        assert row["generator_wins"] in (0.0, 0.5, 1.0)
        assert row["blurred_psnr"] > 0
