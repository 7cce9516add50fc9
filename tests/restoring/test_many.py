"""Files of many pictures in a run: animations and pages of TIFF."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.restoring import many
from sis_keras.restoring.jobs import find_jobs
from sis_keras.restoring.work import Run


def frames(count=3, height=24, width=32):
    """Pictures of one colour each, uint8."""
    return [
        np.full((height, width, 3), 60 * number + 20, np.uint8)
        for number in range(count)
    ]


def write(path):
    """A file of three pictures."""
    if path.suffix == ".tif":
        tifffile.imwrite(path, np.stack(frames()), photometric="rgb")
    else:
        first, *others = map(Image.fromarray, frames())
        first.save(path, save_all=True, append_images=others, lossless=True)


def deblurred(path, target, **options):
    """A run that inverts; it."""
    run = Run(
        lambda: lambda image, progress=None: 255 - image, keep_going=False
    )
    run(find_jobs([str(path)], str(target), **options).jobs)
    return run


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_each_picture_is_restored(tmp_path, suffix):
    path, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write(path)
    run = deblurred(path, target, compare=True)
    assert len(run.done) == 1 and not run.failures
    with Image.open(target) as image:
        assert image.n_frames == 3
        for number, frame in enumerate(frames()):
            image.seek(number)
            shown = np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(shown - (255 - frame)).max() <= 1
    with Image.open(tmp_path / f"b_compare{suffix}") as both:
        assert both.size == (64, 24)


@pytest.mark.parametrize("suffix", [".webp", ".tif"])
def test_a_run_that_was_stopped_goes_on(tmp_path, suffix):
    """With what it left, the comparison of the first picture."""
    path, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write(path)
    (job,) = find_jobs([str(path)], str(target), compare=True).jobs
    seen = []

    def stopping(image, progress=None):
        seen.append(image)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return 255 - image

    with pytest.raises(KeyboardInterrupt):
        Run(lambda: stopping)([job])
    assert job.compare.exists() and not target.exists()
    run = deblurred(path, target, compare=True)
    assert run.done and target.exists()


def test_a_mistake_in_the_command_is_told_once(tmp_path):
    """Not of each file: none could be restored."""
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        Image.fromarray(frames(1)[0]).save(path)
    made = []

    def refuse():
        made.append(1)
        raise UserError("Expected weights. Received: none.")

    run = Run(refuse)
    with pytest.raises(UserError, match="^Expected weights"):
        run(find_jobs([str(path) for path in paths]).jobs)
    assert len(made) == 1 and not run.failures


def test_a_target_of_one_picture_takes_the_first_and_says_so(tmp_path):
    write(tmp_path / "a.webp")
    run = deblurred(tmp_path / "a.webp", tmp_path / "b.jpg")
    (notes,) = run.notes.values()
    assert any("first" in sentence for sentence in notes)
    with Image.open(tmp_path / "b.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - 235).max() <= 2


def test_hidden_colours_of_frames_do_not_count(tmp_path):
    """Nor do those of pages."""
    results = []
    for colour in (0, 255):
        rgba = np.full((2, 24, 32, 4), 100, np.uint8)
        rgba[1], rgba[..., 3] = 150, 255
        rgba[:, :12] = (colour, colour, colour, 0)
        first, second = map(Image.fromarray, rgba)
        options = {"save_all": True, "append_images": [second]}
        first.save(tmp_path / "a.png", **options)
        seen = []

        def deblur(image, progress=None, seen=seen):
            seen.append(image.copy())
            return image.copy()

        run = Run(lambda deblur=deblur: deblur, overwrite=True)
        run(find_jobs([f"{tmp_path}/a.png"], f"{tmp_path}/b.png").jobs)
        assert len(seen) == 2
        results.append(seen)
    np.testing.assert_array_equal(*results)


def test_one_picture_is_no_animation(tmp_path):
    Image.fromarray(frames()[0]).save(tmp_path / "a.png")
    (job,) = find_jobs([str(tmp_path / "a.png")]).jobs
    assert many.restorer_of(job) is None
