import numpy as np
import pytest
from PIL import Image

from sis_keras.data.pairs import find_pairs, read_pair
from sis_keras.errors import UserError


def save(path, value=0, size=(4, 6)):
    """A picture of one grey value, `(height, width)`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


def names(folder, **options):
    return [pair.name for pair in find_pairs(folder, **options)]


@pytest.mark.parametrize("halves", [("blur", "sharp"), ("input", "target")])
def test_halves_in_the_folder_itself(tmp_path, halves):
    for frame in ("02", "01"):
        save(tmp_path / "walk" / halves[0] / f"{frame}.png", 10)
        save(tmp_path / "walk" / halves[1] / f"{frame}.png", 20)
    pairs = find_pairs(tmp_path / "walk")
    assert [pair.name for pair in pairs] == ["walk/01", "walk/02"]
    for pair in pairs:
        blurry, sharp = read_pair(pair)
        assert (blurry == 10).all() and (sharp == 20).all()
        assert blurry.shape == sharp.shape == (4, 6, 3)
        assert blurry.dtype == sharp.dtype == np.uint8


def test_nested_sequences_in_order(tmp_path):
    for sequence in ("train/b", "train/a", "test/c"):
        save(tmp_path / sequence / "blur" / "1.png")
        save(tmp_path / sequence / "sharp" / "1.png")
    save(tmp_path / "more" / "input" / "x.png")
    save(tmp_path / "more" / "target" / "x.png")
    assert names(tmp_path) == ["more/x", "test/c/1", "train/a/1", "train/b/1"]
    assert names(tmp_path / "train") == ["a/1", "b/1"]


def test_linked_folders_and_other_suffixes(tmp_path):
    save(tmp_path / "real" / "blur" / "1.jpg")
    save(tmp_path / "real" / "sharp" / "1.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "real")
    assert names(tmp_path / "data") == ["linked/1"]


def test_the_input_is_blur_or_blur_gamma(tmp_path):
    for folder, value in (("blur", 1), ("blur_gamma", 2), ("sharp", 3)):
        save(tmp_path / "a" / folder / "1.png", value)
    for inputs, value in (("blur", 1), ("blur_gamma", 2)):
        (pair,) = find_pairs(tmp_path, inputs=inputs)
        assert read_pair(pair)[0].max() == value


def test_hidden_files_are_no_halves(tmp_path):
    for half in ("blur", "sharp"):
        save(tmp_path / half / "1.png")
    (tmp_path / "blur" / "._1.png").write_bytes(b"of a file manager")
    assert len(find_pairs(tmp_path)) == 1


@pytest.mark.parametrize(
    "removed, kept", [("blur", "sharp"), ("sharp", "blur")]
)
def test_a_missing_half_is_named(tmp_path, removed, kept):
    for half in ("blur", "sharp"):
        for frame in "123":
            save(tmp_path / "a" / half / f"{frame}.png")
    (tmp_path / "a" / removed / "2.png").unlink()
    message = rf"a\. Received {kept}/2.png without its half in {removed}/ \(1 "
    with pytest.raises(UserError, match=message):
        find_pairs(tmp_path)


def test_pictures_that_differ_in_the_suffix_alone_are_two_pairs(tmp_path):
    for half in ("blur", "sharp"):
        for name in ("a.png", "a.tif", "b.png"):
            save(tmp_path / "s" / half / name)
    pairs = find_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ["s/a.png", "s/a.tif", "s/b"]
    assert all(pair.blurry.name == pair.sharp.name for pair in pairs)


def test_what_belongs_to_either_of_two_is_refused(tmp_path):
    for name in ("blur/a.png", "blur/a.tif", "sharp/a.png"):
        save(tmp_path / name)
    with pytest.raises(UserError, match=r"blur/a\.tif .* a\.png and a\.tif"):
        find_pairs(tmp_path)


def test_a_missing_folder_of_halves_is_not_passed_over(tmp_path):
    for sequence in "ab":
        for half in ("blur", "sharp"):
            save(tmp_path / sequence / half / "1.png")
    save(tmp_path / "b" / "blur_gamma" / "1.png")
    message = r"sharp/1.png without its half in blur_gamma/ \(1 such\)"
    with pytest.raises(UserError, match=message):
        find_pairs(tmp_path, inputs="blur_gamma")


def test_no_pairs(tmp_path):
    save(tmp_path / "photographs" / "1.png")
    message = r"blur/ and sharp/.*without a pair; it holds \['photographs'\]"
    with pytest.raises(UserError, match=message):
        find_pairs(tmp_path)
    for half in ("blur", "sharp"):
        (tmp_path / half).mkdir()
    with pytest.raises(UserError, match="without a pair"):
        find_pairs(tmp_path)


def test_no_folder(tmp_path):
    save(tmp_path / "1.png")
    for path in (tmp_path / "none", tmp_path / "1.png"):
        with pytest.raises(UserError, match=f"{path.name}, which is no folder"):
            find_pairs(path)


def test_two_sizes_in_a_pair(tmp_path):
    save(tmp_path / "blur" / "1.png", size=(4, 6))
    save(tmp_path / "sharp" / "1.png", size=(4, 8))
    (pair,) = find_pairs(tmp_path)
    with pytest.raises(UserError, match="blur/1.png is 6x4, .* is 8x4"):
        read_pair(pair)


def test_an_unreadable_half(tmp_path):
    save(tmp_path / "blur" / "1.png")
    save(tmp_path / "sharp" / "1.png")
    (tmp_path / "sharp" / "1.png").write_bytes(b"half")
    (pair,) = find_pairs(tmp_path)
    with pytest.raises(UserError, match="sharp/1.png, 4 bytes that do not"):
        read_pair(pair)
