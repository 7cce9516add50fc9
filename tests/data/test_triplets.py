"""Triplets of folders and videos made here, whose frames are known."""

import os

import cv2
import numpy as np
import pytest
from clips import make_video
from scipy import ndimage

from sis_keras.data.blur import flow
from sis_keras.data.triplets import blurred, find_triplets, read_triplet
from sis_keras.errors import UserError
from sis_keras.files.pictures import write_rgb
from sis_keras.files.video.frames_at import count_frames, read_frames
from sis_keras.files.video.source import VideoSource


def texture(deviation=35, mean=128, seed=0, size=(32, 48)):
    noise = ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal((*size, 3)), (1, 1, 0)
    )
    values = mean + deviation * noise / noise.std()
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def write(folder, names, picture=None):
    """The same picture under each name: none has less detail."""
    for name in names:
        write_rgb(
            folder / f"{name}.png", texture() if picture is None else picture
        )


def names(path):
    return [
        "+".join(file.stem for file in triplet.files)
        for triplet in find_triplets(path)[0]
    ]


# === Folders ===


def test_numbers_tell_what_is_consecutive(tmp_path):
    numbers = [1, 2, 3, 5, 6, 7, 8, 20, 21, 30, 31, 32]
    write(tmp_path / "walk", [f"{number:06d}" for number in numbers])
    triplets, note = find_triplets(tmp_path / "walk")
    assert names(tmp_path / "walk") == [
        "000001+000002+000003",
        "000005+000006+000007",
        "000030+000031+000032",
    ]
    assert [triplet.name for triplet in triplets] == [
        "walk/000002",
        "walk/000006",
        "walk/000031",
    ]
    assert note == (
        "3 frames with their neighbours; left out: 0 with the least detail, "
        "0 beside a cut"
    )


def test_numbers_need_no_zeros_before_them(tmp_path):
    write(tmp_path, [f"frame{number}" for number in range(8, 14)])
    assert names(tmp_path) == [
        "frame8+frame9+frame10",
        "frame11+frame12+frame13",
    ]


def test_what_stands_before_the_numbers_is_the_same(tmp_path):
    write(tmp_path, ["a_1", "a_2", "b_3", "b_4", "b_5", "cover"])
    assert names(tmp_path) == ["b_3+b_4+b_5"]


def test_names_without_numbers_are_in_their_order(tmp_path):
    write(tmp_path, ["noon", "dawn", "dusk", "night", "morning"])
    assert names(tmp_path) == ["dawn+dusk+morning"]


def test_folders_in_folders(tmp_path):
    for folder in ("b/deep/er", "a", ".hidden", "few"):
        count = 2 if folder == "few" else 4
        write(tmp_path / folder, range(count))
    (tmp_path / "a" / "notes.txt").write_text("of no interest")
    (tmp_path / "a" / ".3.png").write_bytes(b"")
    triplets, _ = find_triplets(tmp_path)
    assert [triplet.name for triplet in triplets] == ["a/1", "er/1"]


def test_the_frames_are_those_of_the_files(tmp_path):
    pictures = [texture(seed=seed) for seed in range(3)]
    for number, picture in enumerate(pictures):
        write_rgb(tmp_path / f"{number}.png", picture)
    ((triplet,), _) = find_triplets(tmp_path)
    np.testing.assert_array_equal(read_triplet(triplet), pictures)
    found = blurred(triplet, (3, 4), extent=(20.0, 20.0))
    expected = flow.flow_blur(*pictures, (3, 4), extent=(20.0, 20.0))
    np.testing.assert_array_equal(found, expected)


# === What is left out ===


def test_the_fifth_with_the_least_detail_is_left_out(tmp_path):
    for number in range(10):
        soft = number in (2, 7)
        picture = texture(deviation=8 if soft else 35 + number)
        write(tmp_path / f"{number}", range(3), picture)
    triplets, note = find_triplets(tmp_path)
    assert [triplet.name for triplet in triplets] == [
        f"{number}/1" for number in range(10) if number not in (2, 7)
    ]
    assert note == (
        "8 frames with their neighbours; left out: 2 with the least detail, "
        "0 beside a cut"
    )
    # The middle frame counts, whatever is beside it.
    write(tmp_path / "2", [1], texture(deviation=60))
    os.utime(tmp_path / "2" / "1.png", ns=(0, 0))
    assert "2/1" in [triplet.name for triplet in find_triplets(tmp_path)[0]]


def test_a_cut_is_left_out(tmp_path):
    write(tmp_path, range(5))
    # Brighter by 50 of 255, where 40 are a cut; then darker by 25.
    write(tmp_path, range(5, 9), texture(mean=178, deviation=15))
    write(tmp_path, range(9, 12), texture(mean=153, deviation=15))
    triplets, note = find_triplets(tmp_path)
    there = {triplet.files[1].stem for triplet in triplets}
    assert "4" not in there and there <= {"1", "7", "10"}
    assert note.endswith("1 beside a cut")


def test_a_change_of_light_is_no_cut(tmp_path):
    write(tmp_path, [0, 1])
    write(tmp_path, [2], texture(mean=155))
    assert names(tmp_path) == ["0+1+2"]


# === Videos ===


def one_after_another(path):
    """Every frame, without going to any."""
    with VideoSource(path) as video:
        frames = [part.pixels for part in video.parts()]
    return [pixels for pixels in frames if pixels is not None]


def write_video(path, count):
    size = (48, 32)
    code = cv2.VideoWriter_fourcc(*"MJPG")
    video = cv2.VideoWriter(str(path), code, 25, size)
    for number in range(count):
        video.write(texture(seed=number))
    video.release()


@pytest.mark.parametrize("count", [3, 5, 11])
def test_a_video(tmp_path, count):
    path = tmp_path / "walk.avi"
    write_video(path, count)
    frames = one_after_another(path)
    assert len(frames) == count
    triplets, note = find_triplets(path)
    # Of three the first loses its fifth, the one with the least detail.
    places = {3: [0], 5: [0], 11: [0, 4, 8]}[count]
    found = {triplet.first for triplet in triplets}
    assert found <= set(places)
    assert len(found) == {1: 1, 3: 2}[len(places)]
    for triplet in triplets:
        start = triplet.first
        assert triplet.name == f"walk/{start + 1:06d}"
        np.testing.assert_array_equal(
            read_triplet(triplet), frames[start : start + 3]
        )
    # A folder of videos has the same.
    assert find_triplets(tmp_path) == (triplets, note)


@pytest.mark.parametrize(
    "name, options",
    [
        ("late.mkv", {"times": [*range(9), 40, 41, 42]}),
        (
            "ticks.avi",
            {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
        ),
    ],
)
def test_headers_that_say_more_frames_than_there_are(tmp_path, name, options):
    path = tmp_path / name
    make_video(str(path), frames=12, sound=None, **options)
    frames = one_after_another(path)
    claimed = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)
    assert claimed > len(frames) == 12
    triplets, _ = find_triplets(path)
    assert {triplet.first for triplet in triplets} <= {0, 3, 6, 9}
    assert len(triplets) == 3
    for triplet in triplets:
        start = triplet.first
        np.testing.assert_array_equal(
            read_triplet(triplet), frames[start : start + 3]
        )


# === Mistakes ===


@pytest.mark.parametrize(
    "name, message",
    [
        ("none", "none, which does not exist"),
        ("few", "few, in which no three consecutive frames are"),
        ("gaps", "gaps, in which no three consecutive frames are"),
        ("empty", "empty, in which no three consecutive frames are"),
        ("cuts", "cuts, whose scene changes with every frame"),
        ("notes.mp4", "notes.mp4, which does not open"),
        ("broken", "broken/1.png, 4 bytes that do not decode"),
    ],
)
def test_mistakes(tmp_path, name, message):
    write(tmp_path / "few", [1, 2])
    write(tmp_path / "gaps", [1, 2, 4, 5, 7, 8])
    (tmp_path / "empty").mkdir()
    for number in range(3):
        flat = np.full((32, 48, 3), 100 * number, np.uint8)
        write(tmp_path / "cuts", [number], flat)
    (tmp_path / "notes.mp4").write_text("no video")
    write(tmp_path / "broken", range(3))
    (tmp_path / "broken" / "1.png").write_bytes(b"half")
    with pytest.raises(UserError, match=message) as caught:
        find_triplets(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_frames_of_two_sizes_are_named(tmp_path):
    write(tmp_path / "walk", range(2))
    write(tmp_path / "walk", [2], texture(size=(32, 50)))
    ((triplet,), _) = find_triplets(tmp_path)
    with pytest.raises(UserError, match="walk/2.png: .*one size.*50x32"):
        blurred(triplet, 0)


@pytest.mark.parametrize("first", [0, 1, 17, 37])
def test_frames_between_key_frames(tmp_path, first):
    path = tmp_path / "long.mp4"
    encoder = {"crf": "8", "g": "12", "bf": "3"}
    make_video(str(path), frames=40, sound=None, encoder=encoder)
    expected = one_after_another(path)[first : first + 3]
    for was, found in zip(expected, read_frames(path, first, 3), strict=True):
        np.testing.assert_array_equal(found, was)


@pytest.mark.parametrize(
    "name, options",
    [
        ("camcorder.ts", {}),  # There is no index to seek by.
        ("camera.avi", {}),  # The times are those of decoding.
        ("open.mp4", {"codec": "libx265", "x265-params": "log-level=none"}),
    ],
)
def test_frames_of_files_that_do_not_seek(tmp_path, name, options):
    codec = options.pop("codec", "libx264")
    path = tmp_path / name
    encoder = {"crf": "8", "g": "12", "bf": "3", **options}
    make_video(str(path), frames=30, sound=None, codec=codec, encoder=encoder)
    expected = one_after_another(path)
    assert count_frames(path) == len(expected) == 30
    for first in (0, 9, 11, 12, 27):
        found = read_frames(path, first, 3)
        for was, frame in zip(expected[first:], found, strict=False):
            np.testing.assert_array_equal(frame, was)


def test_frames_that_are_not_there(tmp_path):
    path = tmp_path / "short.mp4"
    make_video(str(path), frames=4, sound=None)
    assert count_frames(path) == 4
    with pytest.raises(UserError, match="3 frames from number 2 on"):
        read_frames(path, 2, 3)
