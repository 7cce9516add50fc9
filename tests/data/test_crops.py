import numpy as np
import pytest
import tensorflow as tf

from sis_keras.data.batches import to_float, training_batches
from sis_keras.data.cache import open_cache, refuse_same_pictures, weight
from sis_keras.data.crops import Crops, held_out, turned
from sis_keras.data.open_source import open_source
from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.files.pictures import write_rgb

SIZES = ((40, 60), (50, 33), (32, 32), (70, 45))


def coordinates(number, size):
    """A picture that tells of each pixel its row, column and picture."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.stack([rows, columns, np.full(size, number)], -1).astype(np.uint8)


def source(numbers, synthetic=False, sequence="real"):
    def examples():
        for number in numbers:
            sharp = coordinates(number, SIZES[number % len(SIZES)])
            # The blurred half is marked by 100 more.
            yield f"{sequence}/{number}", sharp + np.uint8([0, 0, 100]), sharp

    return Source(
        "made", f"{sequence}{numbers}", len(numbers), synthetic, "", examples
    )


@pytest.fixture
def real(tmp_path):
    return open_cache([source(range(4))], tmp_path)


@pytest.fixture
def mixed(tmp_path):
    """Pairs 0 to 5 are real, of two sequences; 50 to 56 synthetic."""
    sources = [
        source(range(4)),
        source(range(4, 6), sequence="more/other"),
        source(range(50, 57), synthetic=True, sequence="photographs"),
    ]
    return open_cache(sources, tmp_path)


def epoch_of(crops, epoch=0):
    start = epoch * crops.examples_per_epoch
    examples = range(start, start + crops.examples_per_epoch)
    return [crops.cut(number) for number in examples]


def pictures_of(examples):
    """Which picture each example was cut from."""
    return [int(sharp[0, 0, 2]) for _, sharp, _ in examples]


def take(crops, count, batch_size=4, **options):
    dataset = training_batches(crops, batch_size, **options)
    return [
        {key: value.numpy() for key, value in batch.items()}
        for batch in dataset.take(count)
    ]


def assert_equal_batches(batches, expected):
    for batch, other in zip(batches, expected, strict=True):
        assert batch.keys() == other.keys()
        for key in batch:
            np.testing.assert_array_equal(batch[key], other[key])


# === Crops ===


def test_a_crop_is_a_window_flipped_and_turned(real):
    """Along each axis of the crop one coordinate steps by one."""
    ways, corners = set(), set()
    for _, sharp, _ in epoch_of(Crops(real, 30, crops_per_picture=60)):
        place = sharp.astype(int)
        number = place[0, 0, 2]
        assert (place[:, :, 2] == number).all()
        matrix = np.concatenate(
            [
                np.unique(
                    np.diff(place[:, :, :2], axis=axis).reshape(-1, 2), axis=0
                )
                for axis in (0, 1)
            ]
        )
        assert matrix.shape == (2, 2)
        assert abs(np.linalg.det(matrix)) == 1 and np.abs(matrix).sum() == 2
        ways.add(tuple(matrix.ravel()))
        low, high = place[:, :, :2].min((0, 1)), place[:, :, :2].max((0, 1))
        assert (high - low == 29).all()
        assert (low >= 0).all() and (high < SIZES[number]).all()
        if SIZES[number] == (32, 32):
            corners.add(tuple(low.tolist()))
    assert len(ways) == 8
    # Of a picture two pixels larger there are nine windows.
    assert corners == {(row, column) for row in range(3) for column in range(3)}


def test_both_halves_alike(real):
    for blurry, sharp, _ in epoch_of(Crops(real, 24)):
        assert blurry.shape == sharp.shape == (24, 24, 3)
        assert blurry.dtype == sharp.dtype == np.uint8
        assert (blurry - sharp == [0, 0, 100]).all()


def test_flips_and_quarter_turns():
    x = np.array([[1, 2], [3, 4]])
    np.testing.assert_array_equal(turned(x, False, 0), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(turned(x, True, 0), [[2, 1], [4, 3]])
    np.testing.assert_array_equal(turned(x, False, 1), [[2, 4], [1, 3]])
    np.testing.assert_array_equal(turned(x, True, 2), [[3, 4], [1, 2]])


def test_an_epoch_has_each_picture_equally_often(real):
    crops = Crops(real, 16, crops_per_picture=5)
    assert crops.examples_per_epoch == 20
    orders = [pictures_of(epoch_of(crops, epoch)) for epoch in range(3)]
    for order in orders:
        assert sorted(order) == sorted([0, 1, 2, 3] * 5)
        assert order != sorted(order)
    assert orders[0] != orders[1] != orders[2]


def test_the_local_square_lies_inside(real):
    for size, last in ((16, 8), (17, 9)):
        crops = Crops(real, size, crops_per_picture=50)
        origins = np.array([local for *_, local in epoch_of(crops)])
        assert origins.dtype == np.int32 and origins.shape[1:] == (2,)
        assert origins.min() == 0 and origins.max() == last
        assert last + size // 2 == size
        assert (origins[:, 0] != origins[:, 1]).any()


def test_the_share_of_synthetic_blur(mixed):
    crops = Crops(mixed, 16, crops_per_picture=4, synthetic_share=0.25)
    # A quarter of all is a third of the 24 real ones.
    assert crops.examples_per_epoch == 24 + 8
    for epoch in range(2):
        order = np.array(pictures_of(epoch_of(crops, epoch)))
        assert sorted(order[order < 50]) == sorted([*range(6)] * 4)
        _, counts = np.unique(order[order >= 50], return_counts=True)
        assert sorted(counts) == [1] * 6 + [2]


def test_no_share_is_no_synthetic_blur(mixed):
    order = pictures_of(epoch_of(Crops(mixed, 16, 4, synthetic_share=0.0)))
    assert max(order) < 50 and len(order) == 24


def test_synthetic_blur_alone_needs_no_share(tmp_path):
    cache = open_cache([source(range(3), synthetic=True)], tmp_path)
    crops = Crops(cache, 16, crops_per_picture=4, synthetic_share=0.1)
    for epoch in range(2):
        order = pictures_of(epoch_of(crops, epoch))
        assert sorted(order) == sorted([0, 1, 2] * 4)


def test_what_is_held_out_never_comes(mixed):
    crops = Crops(mixed, 16, 4, synthetic_share=0.5, hold_out=["other"])
    orders = [pictures_of(epoch_of(crops, epoch)) for epoch in range(3)]
    assert {0, 1, 2, 3} < set(orders[0])
    assert not {4, 5} & set().union(*orders)
    crops = Crops(mixed, 16, 4, 0.5, hold_out=["photographs", "real"])
    assert set(pictures_of(epoch_of(crops))) == {4, 5}


def test_nor_what_would_give_it_away(tmp_path):
    """Its sharp frames as photographs, and copies of them elsewhere."""
    folder = tmp_path / "GOPR1" / "sharp"
    folder.mkdir(parents=True)
    other = tmp_path / "others"
    other.mkdir()
    random = np.random.default_rng(0)
    pictures = [
        random.integers(256, size=(24, 32, 3), dtype=np.uint8) for _ in range(3)
    ]
    write_rgb(folder / "1.png", pictures[0])
    write_rgb(other / "copy.png", pictures[1])
    write_rgb(other / "own.png", pictures[2])

    def pairs():
        yield "GOPR1/1", pictures[0] // 2, pictures[0]
        yield "GOPR1/2", pictures[1] // 2, pictures[1]
        yield "GOPR2/1", pictures[2] // 2, pictures[2]

    sources = [
        Source("pairs", "pairs", 3, False, "", pairs),
        open_source(f"photographs:{folder}"),
        open_source(f"half:half:photographs:{folder}"),
        open_source(f"sharp:{other}"),
    ]
    cache = open_cache(sources, tmp_path / "cache")
    assert cache.names[3:] == ["1/0", "half/half/1/0", "copy", "own"]
    found = held_out(cache, ["GOPR1"])
    assert found.tolist() == [True, True, False, True, True, True, False]


def test_the_same_pictures_from_two_sources_are_refused(tmp_path):
    first, second = (coordinates(n, (16, 16)) for n in (1, 2))
    cache = open_cache(
        [Source("a", "a", 1, False, "", lambda: [("a/1", first, first)])],
        tmp_path,
    )
    refuse_same_pictures(cache, [("real", "b/1", first, second)])
    with pytest.raises(UserError, match="c/7, whose sharp half is that of a/1"):
        refuse_same_pictures(cache, [("real", "c/7", second, first)])


def columns_apart(folder, left, right):
    """8x9 pairs; crops of 8 at column 0 differ by `left`, at 1 by `right`.

    Every fourth pixel counts: columns 0 and 4, or 1 and 5.
    """
    sharp = coordinates(100, (8, 9))
    blurry = sharp.copy()
    # Brighter or darker, that is the same.
    blurry[:, [0, 4], 2] += np.uint8(left)
    blurry[:, [1, 5], 2] -= np.uint8(right)
    made = Source(
        "made", f"{left} {right}", 1, False, "", lambda: [("a", blurry, sharp)]
    )
    return open_cache([made], folder)


def share_of_column_0(cache, candidates, count=2000):
    crops = Crops(cache, 8, candidates=candidates)
    starts = [crops.cut(n)[1][..., 1].min() for n in range(count)]
    assert {*starts} <= {0, 1}
    return np.equal(starts, 0).mean()


@pytest.mark.parametrize("left, right", [(30, 10), (10, 30), (20, 0)])
def test_candidates_are_as_likely_as_their_halves_differ(tmp_path, left, right):
    """Four candidates, k of them at column 0: of 16 ways 1, 4, 6, 4, 1."""
    expected = sum(
        ways / 16 * k * left / (k * left + (4 - k) * right)
        for k, ways in enumerate((1, 4, 6, 4, 1))
        if k
    )
    cache = columns_apart(tmp_path, left, right)
    # Four standard deviations of 2000 draws.
    assert share_of_column_0(cache, 4) == pytest.approx(expected, abs=0.045)
    assert share_of_column_0(cache, 1) == pytest.approx(0.5, abs=0.045)


def test_equal_halves_have_candidates_too(tmp_path):
    cache = columns_apart(tmp_path, 0, 0)
    assert share_of_column_0(cache, 4) == pytest.approx(0.5, abs=0.045)


def test_candidates_are_drawn_by_seed_and_number(real):
    crops = [Crops(real, 16, 3, seed=7, candidates=4) for _ in range(2)]
    for number in (0, 5, 11, 30):
        first, second = (x.cut(number) for x in crops)
        for x, y in zip(first, second, strict=True):
            np.testing.assert_array_equal(x, y)
    for blurry, sharp, _ in epoch_of(crops[0]):
        assert (blurry - sharp == [0, 0, 100]).all()


def test_the_crops_of_one_cache_stay_the_same(real):
    crops = Crops(real, 16)
    assert crops.at(0) == crops.at(10**6) == (crops, None)


# === Where each draw comes from ===


def test_an_example_is_a_function_of_seed_and_number(real, tmp_path):
    crops = Crops(real, 16, 3, seed=7)
    numbers = range(3 * crops.examples_per_epoch)
    expected = [crops.cut(number) for number in numbers]
    np.random.seed(1)
    other = Crops(open_cache([source(range(4))], tmp_path), 16, 3, seed=7)
    for number in reversed(numbers):
        for x, y in zip(other.cut(number), expected[number], strict=True):
            np.testing.assert_array_equal(x, y)


def test_other_seeds_and_epochs_draw_otherwise(real):
    def windows(seed, epoch):
        crops = Crops(real, 16, 20, seed=seed)
        return [sharp[0, 0].tolist() for _, sharp, _ in epoch_of(crops, epoch)]

    assert windows(0, 0) == windows(0, 0)
    for seed, epoch in ((0, 1), (1, 0)):
        same = np.equal(windows(0, 0), windows(seed, epoch)).all(1)
        assert same.mean() < 0.1


# === Batches ===


def test_batches_are_the_examples_in_order(real):
    crops = Crops(real, 16, 3)
    batches = take(crops, 7)  # More than two epochs of 12.
    for step, batch in enumerate(batches):
        assert batch["blurry"].shape == batch["sharp"].shape == (4, 16, 16, 3)
        assert batch["blurry"].dtype == batch["sharp"].dtype == np.float32
        assert batch["local_origin"].dtype == np.int32
        for place in range(4):
            blurry, sharp, local = crops.cut(4 * step + place)
            for key, picture in (("blurry", blurry), ("sharp", sharp)):
                expected = picture.astype(np.float32) / np.float32(255)
                np.testing.assert_array_equal(batch[key][place], expected)
            np.testing.assert_array_equal(batch["local_origin"][place], local)


def test_shapes_are_known_before_the_first_batch(real):
    spec = training_batches(Crops(real, 16), 4).element_spec
    assert spec["blurry"].shape == spec["sharp"].shape == (4, 16, 16, 3)
    assert spec["local_origin"].shape == (4, 2)


@pytest.mark.parametrize("start", [1, 2, 3, 5, 9])
def test_resuming_at_a_step_goes_on_as_before(mixed, start):
    """Whether it lies within an epoch, at its end, or past several."""
    options = {"crops_per_picture": 1, "synthetic_share": 0.4, "seed": 3}
    batches = take(Crops(mixed, 16, **options), 11)
    tf.random.set_seed(1)
    np.random.seed(1)
    resumed = take(Crops(mixed, 16, **options), 11 - start, start_step=start)
    assert_equal_batches(resumed, batches[start:])


@pytest.mark.parametrize("hosts", [2, 4])
def test_hosts_see_together_what_one_sees(mixed, hosts):
    crops = Crops(mixed, 16, 1, 0.4)
    parts = [
        take(crops, 5, start_step=1, host=host, hosts=hosts)
        for host in range(hosts)
    ]
    together = [
        {key: np.concatenate([part[key] for part in step]) for key in step[0]}
        for step in zip(*parts, strict=True)
    ]
    assert_equal_batches(together, take(crops, 5, start_step=1))


def test_floats_are_uint8_over_255():
    every = np.arange(256, dtype=np.uint8)
    result = to_float(every).numpy()
    assert result.dtype == np.float32 and result[0] == 0 and result[255] == 1
    np.testing.assert_array_equal(result, every / np.float32(255))


# === Mistakes ===


def test_crops_larger_than_a_picture(real):
    assert Crops(real, 32).examples_per_epoch
    with pytest.raises(UserError, match="33x33 .*`crop_size`.*real/2, 32x32"):
        Crops(real, 33)


def test_pictures_held_out_may_be_small(mixed):
    with pytest.raises(UserError, match="real/2, 32x32"):
        Crops(mixed, 33, hold_out=["photographs"])
    assert Crops(mixed, 33, hold_out=["photographs", "real"])


def test_everything_held_out(real):
    with pytest.raises(UserError, match="4 pairs, all of them held out"):
        Crops(real, 16, hold_out=["real"])


def test_a_misspelt_sequence_is_not_trained_on_silently(mixed):
    message = "such as more/other. Received: ohter, which is not there"
    with pytest.raises(UserError, match=message):
        Crops(mixed, 16, hold_out=["real", "ohter"])


# === Weights of pairs ===


@pytest.mark.parametrize(
    "difference, expected",
    [(0, 1.0), (1, 1.0), (4, 3.6), (12, 6.0), (36, 3.6), (255, 1.0)],
)
def test_what_a_pair_is_worth(difference, expected):
    """4 / (1 + 1/9) = 3.6; 36 / (1 + 9) = 3.6; 255 / 452.6 is below 1."""
    sharp = np.zeros((16, 24, 3), np.uint8)
    assert weight(sharp + np.uint8(difference), sharp) == pytest.approx(
        expected
    )


def test_pairs_are_drawn_by_what_they_are_worth(tmp_path):
    """Halves apart by 12 six times as often as equal ones."""
    sharp = np.full((16, 16, 3), 100, np.uint8)

    def examples():
        yield "a/equal", sharp, sharp
        yield "a/apart", sharp + np.uint8(12), sharp

    source = Source("made", "made", 0, True, "made", examples)
    cache = open_cache([source], tmp_path)
    crops = Crops(cache, 8, 500, weighted=True)
    apart = [
        crops.cut(number)[0][0, 0, 0] == 112
        for number in range(crops.examples_per_epoch)
    ]
    assert len(apart) == 1000
    assert abs(np.mean(apart) - 6 / 7) < 0.04
    assert crops.cut(3)[0].tolist() == crops.cut(3)[0].tolist()
