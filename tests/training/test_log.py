import csv

import numpy as np
import pytest
import tensorflow as tf

from sis_keras.errors import UserError
from sis_keras.training.log import CsvLog, RunLog


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def log_steps(output, steps, start=0):
    log = RunLog(output, start)
    for step in steps:
        log.scalars("training", step, {"loss": 1 / 3 + step, "psnr": 20.0})


def steps_of(path):
    return [int(row[0]) for row in rows_of(path)[1:]]


def events(output):
    """(step, tag, tensor) of all of a run's TensorBoard files, in order."""
    found = []
    for path in sorted((output / "tensorboard").iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.append((event.step, value.tag, value.tensor))
    return found


def test_a_row_in_csv_and_in_tensorboard(tmp_path):
    log_steps(tmp_path, [20, 40])
    assert rows_of(tmp_path / "training.csv") == [
        ["step", "loss", "psnr"],
        ["20", "20.3333", "20"],
        ["40", "40.3333", "20"],
    ]
    found = [
        (step, tag, tf.make_ndarray(x)) for step, tag, x in events(tmp_path)
    ]
    assert [x[:2] for x in found] == [
        (20, "training/loss"),
        (20, "training/psnr"),
        (40, "training/loss"),
        (40, "training/psnr"),
    ]
    np.testing.assert_allclose(found[2][2], 40 + 1 / 3, rtol=1e-6)


def test_values_that_are_no_numbers(tmp_path):
    log = RunLog(tmp_path)
    log.scalars("validation", 1, {"psnr": float("inf"), "loss": float("nan")})
    assert rows_of(tmp_path / "validation.csv")[1] == ["1", "inf", "nan"]


def test_a_picture_as_it_is(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    RunLog(tmp_path).picture("coffee/0", 5, picture)
    ((step, tag, tensor),) = events(tmp_path)
    assert (step, tag) == (5, "coffee/0")
    width, height, png = tensor.string_val
    assert (width, height) == (b"9", b"6")
    np.testing.assert_array_equal(tf.io.decode_png(png), picture)


def test_a_resumed_run_drops_what_comes_again(tmp_path):
    log_steps(tmp_path, [0, 20, 40, 60])
    log_steps(tmp_path, [60, 80], start=40)
    assert steps_of(tmp_path / "training.csv") == [0, 20, 40, 60, 80]
    header, *rows = rows_of(tmp_path / "training.csv")
    assert header == ["step", "loss", "psnr"]
    assert all(len(row) == 3 for row in rows)


def test_from_the_beginning_everything_comes_again(tmp_path):
    log_steps(tmp_path, [0, 20])
    log_steps(tmp_path, [0], start=0)
    assert steps_of(tmp_path / "training.csv") == [0]


def test_a_row_cut_short_is_dropped(tmp_path):
    log_steps(tmp_path, [20, 40])
    path = tmp_path / "training.csv"
    for cut in (b"60,60", b"6"):
        whole = path.read_bytes()
        path.write_bytes(whole + cut)
        log_steps(tmp_path, [], start=60)
        assert path.read_bytes() == whole


def test_an_empty_file_gets_its_head(tmp_path):
    (tmp_path / "training.csv").touch()
    log_steps(tmp_path, [20], start=10)
    assert rows_of(tmp_path / "training.csv")[0] == ["step", "loss", "psnr"]
    assert steps_of(tmp_path / "training.csv") == [20]


def test_other_csv_files_are_left_alone(tmp_path):
    text = "image,score\na,1\nb,2\n"
    (tmp_path / "mine.csv").write_text(text)
    log_steps(tmp_path, [20])
    assert (tmp_path / "mine.csv").read_text() == text


def test_a_full_disk_is_told_in_a_line(small_disk):
    log = RunLog(small_disk)
    log.scalars("training", 1, {"loss": 1.0})
    with pytest.raises(OSError):
        (small_disk / "filling").write_bytes(bytes(100_000))
    message = "tensorboard: No space left on device. Free some space"
    with pytest.raises(UserError, match=message) as caught:
        for step in range(2, 99):
            log.scalars("training", step, {"loss": 1.0})
    assert "\n" not in str(caught.value)


def test_columns_are_those_of_the_file(tmp_path):
    """A run of before the column goes on, and its next resume keeps all."""
    CsvLog(tmp_path).scalars("validation", 0, {"gain": 0.0, "old": 1.0})
    log = CsvLog(tmp_path, step=5)
    log.scalars("validation", 5, {"gain": 0.5, "dead": 0.1})
    CsvLog(tmp_path, step=5)
    assert rows_of(tmp_path / "validation.csv") == [
        ["step", "gain", "old"],
        ["0", "0", "1"],
        ["5", "0.5", "nan"],
    ]
