"""Crop records: what is written is read, whole, by whoever it is for."""

import json
import pathlib

import cv2
import numbered_crops
import numpy as np
import pytest
import tensorflow as tf
from numbered_crops import numbers

from sis_keras.data.batches import training_batches
from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.records.crops import CropRecords
from sis_keras.data.records.index import read_index
from sis_keras.data.records.write import write_crops
from sis_keras.data.source import Source
from sis_keras.errors import UserError

COUNT, SIZE, STORED = 256, 8, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return numbered_crops.write(tmp_path_factory.mktemp("records"), COUNT)


def take(folder, count, batch_size=8, seed=3, **options):
    records = CropRecords(folder, SIZE, seed)
    return list(training_batches(records, batch_size, **options).take(count))


def assert_equal_batches(batches, expected):
    for batch, other in zip(batches, expected, strict=True):
        for key in other:
            np.testing.assert_array_equal(batch[key], other[key])


# === What is written ===


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    random = np.random.default_rng(0)

    def pictures():
        for number in range(5):
            sharp = random.integers(256, size=(40, 50, 3), dtype=np.uint8)
            yield f"made/{number}", cv2.blur(sharp, (5, 5)), sharp

    source = Source("made", "made", 5, False, "", pictures)
    cache = open_cache([source], tmp_path_factory.mktemp("cache"), False)
    return Crops(cache, STORED, seed=7, candidates=3)


def write(crops, folder, count=40, **options):
    write_crops(crops, folder, count, 4, 7, ["made"], progress=False, **options)


@pytest.mark.parametrize("folder", ["ram://records/a", "disk"])
def test_records_are_the_very_crops(crops, folder, tmp_path):
    """By TensorFlow's plain reader, on a disk and on one of its own kind."""
    if folder == "disk":
        folder = str(tmp_path)
    write(crops, folder, shard_mib=0.027)
    index = read_index(folder)
    paths = list(index.shard_bytes)
    assert index.count == 48 and len(paths) == 2  # Whole blocks of 16.
    found = tf.data.TFRecordDataset(paths).as_numpy_iterator()
    for number, record in enumerate(found):
        pair = np.frombuffer(record, np.uint8).reshape(2, STORED, STORED, 3)
        blurry, sharp, _ = crops.cut(number)
        np.testing.assert_array_equal(pair, [blurry, sharp])
    assert number == 47
    assert index.names == [f"made/{x}" for x in range(5)]
    assert index.digests == crops.cache.digests
    batch = next(iter(training_batches(CropRecords(folder, SIZE), 4)))
    assert batch["sharp"].shape == (4, SIZE, SIZE, 3)


def test_the_digest_tells_records_apart(crops, tmp_path):
    for name, count in (("a", 32), ("b", 32), ("c", 48)):
        write(crops, str(tmp_path / name), count)
    a, b, c = (read_index(str(tmp_path / x)).digest for x in "abc")
    assert a == b != c


def test_pools_follow_one_another(tmp_path):
    """Example 4 s and on are of step s, and of its pool."""

    class Pools(numbered_crops.NumberedCrops):
        def at(self, step):
            pool = numbered_crops.NumberedCrops(STORED)
            pool.pairs = {f"digest {step}": f"pool/{step}"}
            pool.cut = lambda number: self.cut(100 * (step // 5) + number)
            return pool, step // 5 * 5 + 5

    write(Pools(STORED), str(tmp_path), 48)
    index = read_index(str(tmp_path))
    assert index.names == ["pool/0", "pool/5", "pool/10"]
    found = tf.data.TFRecordDataset(list(index.shard_bytes))
    reds = [record[0] for record in found.as_numpy_iterator()]
    expected = [100 * (number // 20) + number for number in range(48)]
    assert reds == [x % 256 for x in expected]


def test_what_is_interrupted_is_not_finished(tmp_path):
    class Ends(numbered_crops.NumberedCrops):
        def cut(self, number):
            if number == 20:
                raise KeyboardInterrupt
            return super().cut(number)

    with pytest.raises(KeyboardInterrupt):
        write(Ends(STORED), str(tmp_path), shard_mib=0.01)
    names = [path.name for path in tmp_path.iterdir()]
    assert names == ["crops-00000.tfrecord"]
    with pytest.raises(UserError, match="index.json cannot be read"):
        CropRecords(str(tmp_path), SIZE)
    # Written again it is whole.
    numbered_crops.write(tmp_path, 32)
    assert CropRecords(str(tmp_path), SIZE).index.count == 32


def test_finished_records_are_not_written_over(folder, crops):
    with pytest.raises(UserError, match="new folder. Received.*already"):
        write(crops, folder)


def test_a_full_disk(small_disk):
    with pytest.raises(UserError, match="No space left on device"):
        numbered_crops.write(small_disk / "records", 256)
    assert not list(small_disk.rglob("*.part"))


def test_a_place_that_cannot_be(crops, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file" / "records", "nowhere://bucket/records"):
        with pytest.raises(UserError, match="Expected a folder to write"):
            write(crops, str(place))


# === What is read ===


def test_the_graph_has_no_python(folder, crops):
    def operations(dataset):
        graph = dataset._as_serialized_graph().numpy()
        graph = tf.compat.v1.GraphDef.FromString(graph)
        functions = graph.library.function
        return {node.op for node in graph.node} | {
            node.op for function in functions for node in function.node_def
        }

    found = operations(training_batches(CropRecords(folder, SIZE), 4))
    assert "TFRecordDatasetV2" in found and "DecodeRaw" in found
    assert not [name for name in found if "Py" in name or "Generator" in name]
    # Those that are cut as they come have some.
    assert "PyFuncStateless" in operations(training_batches(crops, 4))


def test_static_shapes(folder):
    records = CropRecords(folder, SIZE)
    spec = training_batches(records, 8, hosts=2, replicas=2).element_spec
    for key in ("blurry", "sharp"):
        assert spec[key] == tf.TensorSpec((2, SIZE, SIZE, 3), tf.float32)
    assert spec["local_origin"] == tf.TensorSpec((2, 2), tf.int32)


def test_an_epoch_has_each_crop_once(folder):
    orders = np.array([numbers(x) for x in take(folder, 96)])
    epochs = orders.reshape(3, COUNT)
    for epoch in epochs:
        assert sorted(epoch) == list(range(COUNT))
    # Each batch from as many blocks as it has places; no two orders alike.
    assert all(len({*(batch // 16)}) == 8 for batch in orders)
    assert len({tuple(epoch[:8]) for epoch in epochs}) == 3
    other = numbers(take(folder, 1, seed=4)[0])
    assert other != orders[0].tolist()


def test_places_that_do_not_divide_the_blocks(folder):
    """16 blocks, 3 places: after 16 turns of 16 steps 3 epochs are over."""
    batches = take(folder, 256, batch_size=3)
    counts = np.bincount(np.ravel([numbers(x) for x in batches]))
    assert counts.tolist() == [3] * COUNT


@pytest.mark.parametrize("start", [1, 15, 16, 37, 64, 1000])
def test_resuming_at_a_step_goes_on_as_before(folder, start):
    whole = take(folder, start + 20)[start:]
    assert_equal_batches(take(folder, 20, start_step=start), whole)


def test_resuming_reads_nothing_of_before(folder):
    """A step that no run would reach by reading."""
    batches = take(folder, 32, start_step=2**40)
    found = sorted(np.ravel([numbers(x) for x in batches]))
    assert found == list(range(COUNT))


@pytest.mark.parametrize("hosts, replicas", [(2, 2), (1, 4), (4, 1)])
def test_hosts_and_replicas_see_together_what_one_sees(folder, hosts, replicas):
    """In the order of the places; no crop left out, none twice."""
    one = take(folder, 32)
    parts = [
        take(folder, 32 * replicas, host=x, hosts=hosts, replicas=replicas)
        for x in range(hosts)
    ]
    together = [
        {
            key: np.concatenate(
                [
                    part[step * replicas + replica][key]
                    for part in parts
                    for replica in range(replicas)
                ]
            )
            for key in one[0]
        }
        for step in range(32)
    ]
    assert_equal_batches(together, one)
    keys = [{*np.ravel([numbers(x) for x in part])} for part in parts]
    assert sum(map(len, keys)) == len(set.union(*keys)) == COUNT


def test_windows_of_all_places_and_positions(folder):
    """Rows and columns of the stored crop, read off the pixels."""
    ways, corners, origins = set(), set(), set()
    for batch in take(folder, 200):
        sharp = np.round(batch["sharp"].numpy() * 255).astype(int)
        blurry = np.round(batch["blurry"].numpy() * 255).astype(int)
        assert (blurry[..., 0] == sharp[..., 0]).all()
        for place in sharp[..., 1:]:
            steps = [
                np.unique(np.diff(place, axis=x).reshape(-1, 2), axis=0)
                for x in (0, 1)
            ]
            matrix = np.concatenate(steps)
            assert matrix.shape == (2, 2)
            assert abs(np.linalg.det(matrix)) == 1
            ways.add(tuple(matrix.ravel()))
            corners.add(tuple(place.min((0, 1)).tolist()))
        origins |= {tuple(x) for x in batch["local_origin"].numpy().tolist()}
    assert len(ways) == 8
    assert corners == {(y, x) for y in range(5) for x in range(5)}
    # Squares of half the side lie inside.
    assert origins == {(y, x) for y in range(5) for x in range(5)}


def test_another_window_in_each_epoch(folder):
    first, second = (
        {
            number: crop
            for batch in epoch
            for number, crop in zip(numbers(batch), batch["sharp"], strict=True)
        }
        for epoch in np.split(np.array(take(folder, 64)), 2)
    )
    assert first.keys() == second.keys() == {*range(COUNT)}
    same = [np.array_equal(first[x], second[x]) for x in first]
    # Of 25 windows in 8 positions.
    assert np.mean(same) < 0.05


# === Mistakes ===


@pytest.fixture
def copy(folder, tmp_path):
    """A folder of them to damage."""
    for path in pathlib.Path(folder).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(UserError, match="`crop_records`.*absent.*cannot"):
        read_index(str(tmp_path / "absent"))


def test_larger_crops_than_stored(folder):
    with pytest.raises(UserError, match="`crop_size` of at most 12.*: 13"):
        CropRecords(folder, STORED + 1)
    whole = CropRecords(folder, STORED)
    next(iter(training_batches(whole, 4)))


def test_a_missing_file(copy):
    (copy / "crops-00002.tfrecord").unlink()
    with pytest.raises(UserError, match="crops-00002.tfrecord.*no such file"):
        read_index(str(copy))


def test_a_truncated_file(copy):
    path = copy / "crops-00001.tfrecord"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="42240 bytes.*00001.*: 42239"):
        read_index(str(copy))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"version": 2}, "version 1. Received: .* of version 2"),
        ({"count": 100}, "damaged"),
        ({"shard_count": 0}, "damaged"),
        ({"crop_size": "x"}, "damaged"),
        ({"pairs": None}, "damaged"),
    ],
)
def test_a_wrong_index(copy, change, words):
    path = copy / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=words):
        read_index(str(copy))


def test_an_index_cut_short(copy):
    path = copy / "index.json"
    path.write_text(path.read_text()[:50])
    with pytest.raises(UserError, match="damaged"):
        read_index(str(copy))
