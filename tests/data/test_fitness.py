"""What is told of pairs before any is decoded, held against decoding them."""

import cv2
import numpy as np
import pytest
from clips import make_video
from PIL import Image

from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.fitness import check_sources
from sis_keras.data.open_source import open_source
from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.files.pictures import stored_size, write_rgb


def texture(seed, size):
    random = np.random.default_rng(seed)
    small = random.integers(256, size=(size[0] // 4, size[1] // 4, 3))
    return cv2.resize(small.astype(np.uint8), size[::-1])


def save_pairs(folder, sizes, sequence="a"):
    for number, size in enumerate(sizes):
        for half in ("blur", "sharp"):
            path = folder / sequence / half / f"{number}.png"
            write_rgb(path, texture(number, size))


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Pairs, photographs, frames and a video, of odd sizes."""
    folder = tmp_path_factory.mktemp("places")
    save_pairs(folder / "pairs", [(70, 91), (64, 64)])
    for number, suffix in enumerate(("jpg", "png", "webp", "tiff", "bmp")):
        path = folder / "photographs" / f"{number}.{suffix}"
        write_rgb(path, texture(number, (80 + number, 65)))
    for number in range(6):
        write_rgb(folder / "walk" / f"{number}.png", texture(1, (72, 101)))
    make_video(str(folder / "clip.mp4"), size=(82, 98), sound=None)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "{}/pairs",
        "half:{}/pairs",
        "grey:half:{}/pairs",
        "matched:{}/pairs",
        "without:0:{}/pairs",
        "sample:1:{}/pairs",
        "photographs:{}/photographs",
        "half:photographs:{}/photographs",
        "half:half:photographs:{}/photographs",
        "sharp:{}/photographs",
        "half:sharp:{}/photographs",
        "skimage:test",
        "flow:{}/walk",
        "half:flow:{}/walk",
        "flow:{}/clip.mp4",
        "flat:2",
    ],
)
def test_sizes_are_those_of_the_pictures(places, text):
    source = open_source(text.format(places))
    assert source.items
    for item in source.items:
        assert item.size() == item.make()[1].shape[:2]


@pytest.mark.parametrize(
    "text", ["frames:{}/clip.mp4", "half:frames:{}/clip.mp4"]
)
def test_the_size_of_a_stream_is_that_of_its_pictures(places, text):
    source = open_source(text.format(places))
    sizes = {sharp.shape[:2] for _, _, sharp in source.examples()}
    assert {source.size()} == sizes


def test_what_is_no_picture_has_no_size(tmp_path):
    (tmp_path / "a.png").write_bytes(b"half")
    assert stored_size(tmp_path / "a.png") is None
    assert stored_size(tmp_path / "none.png") is None


# === What is refused, and that nothing is decoded for it ===


def both_say(sources, folder, crop_size, hold_out, monkeypatch):
    """What is said before anything is decoded, and by `Crops` after it."""
    with monkeypatch.context() as patched:
        patched.setattr(cv2, "imdecode", None)  # Whoever decodes fails.
        with pytest.raises(UserError) as early:
            check_sources(sources, crop_size, hold_out)
    with pytest.raises(UserError) as late:
        Crops(open_cache(sources, folder), crop_size, hold_out=hold_out)
    return str(early.value), str(late.value)


@pytest.mark.parametrize(
    "text, crop_size, hold_out, said",
    [
        ("{}/pairs", 65, [], "65x65 (`crop_size`). Received: a/1, 64x64"),
        ("half:{}/pairs", 33, [], "Received: half/a/1, 32x32"),
        ("half:flow:{}/walk", 37, [], "Received: half/walk/"),
        ("photographs:{}/photographs", 66, [], "Received: 0/0, 65x80"),
        ("{}/pairs", 32, ["aa"], "such as a. Received: aa"),
        ("{}/pairs", 32, ["a"], "2 pairs, all of them held out"),
    ],
)
def test_the_same_is_said_before_and_after(
    places, tmp_path, monkeypatch, text, crop_size, hold_out, said
):
    sources = [open_source(text.format(places))]
    early, late = both_say(sources, tmp_path, crop_size, hold_out, monkeypatch)
    assert early == late and said in early


def test_what_fits_is_let_through(places):
    check_sources([open_source(f"{places}/pairs")], 64)
    check_sources([open_source(f"half:frames:{places}/clip.mp4")], 41)


def test_streams_too_are_measured(places):
    source = open_source(f"half:frames:{places}/clip.mp4")
    with pytest.raises(UserError, match="42x42.*half:frames:.*49x41"):
        check_sources([source], 42)


def test_halves_of_two_sizes(tmp_path):
    save_pairs(tmp_path, [(64, 80)])
    write_rgb(tmp_path / "a/blur/0.png", texture(0, (64, 72)))
    source = open_source(f"half:{tmp_path}")
    with pytest.raises(UserError) as early:
        check_sources([source], 16)
    with pytest.raises(UserError) as late:
        list(source.examples())
    assert str(early.value) == str(late.value)
    assert "0.png is 72x64" in str(early.value)


def test_a_half_that_is_shown_turned(tmp_path):
    """As a phone writes it: 80x64 in the file, 64x80 on the screen."""
    sharp = texture(0, (80, 64))
    (tmp_path / "blur").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(sharp)).save(tmp_path / "blur/0.jpg", exif=exif)
    write_rgb(tmp_path / "sharp/0.png", sharp)
    source = open_source(str(tmp_path))
    ((_, blurry, _),) = source.examples()
    assert blurry.shape == (80, 64, 3)
    check_sources([source], 64)
    with pytest.raises(UserError, match="65x65"):
        check_sources([source], 65)


def test_frames_of_two_sizes_and_small_ones(tmp_path):
    for number, size in enumerate([(40, 40), (40, 40), (40, 48)]):
        write_rgb(tmp_path / "two" / f"{number}.png", texture(0, size))
        write_rgb(tmp_path / "small" / f"{number}.png", texture(0, (28, 40)))
    for folder, words in (("two", "one size"), ("small", "at least 32x32")):
        source = open_source(f"flow:{tmp_path / folder}")
        with pytest.raises(UserError, match=f"2.png: Expected .*{words}"):
            check_sources([source], 16)
        with pytest.raises(UserError, match=f"2.png: Expected .*{words}"):
            list(source.examples())


def test_what_is_held_out_may_be_small(tmp_path):
    save_pairs(tmp_path, [(64, 64)], "large")
    save_pairs(tmp_path, [(16, 24)], "small")
    sources = [
        open_source(str(tmp_path)),
        open_source(f"sharp:{tmp_path}/small/sharp"),
    ]
    check_sources(sources, 32, ["small"])
    crops = Crops(open_cache(sources, tmp_path / "c"), 32, hold_out=["small"])
    assert crops.examples_per_epoch == 8
    save_pairs(tmp_path, [(16, 24)], "other")
    with pytest.raises(UserError, match="other/0, 24x16"):
        check_sources([open_source(str(tmp_path))], 32, ["small"])
    with pytest.raises(UserError, match="small/0, 24x16"):
        check_sources(sources, 32)


def test_names_are_not_looked_for_in_streams(places):
    made = Source("made", "made", 1, False, "", lambda: iter(()))
    check_sources([made, open_source(f"{places}/pairs")], 64, ["elsewhere"])
