import numpy as np
import pytest
from skimage.data import chelsea

from sis_keras.data.open_source import open_source
from sis_keras.data.parallel_cache import open_caches, versions_apart
from sis_keras.errors import UserError
from sis_keras.files.pictures import write_rgb


@pytest.fixture
def photos(tmp_path):
    write_rgb(tmp_path / "photos/a.png", chelsea()[:60, :80])
    return tmp_path / "photos"


def test_versions(photos):
    blurred = versions_apart(f"photographs:{photos}", 3, 5, streak=(3, 9))
    assert len({source["seed"] for source in blurred}) == 3
    assert blurred[0]["seed"] == 5
    assert {source["streak"] for source in blurred} == {(3, 9)}
    # More of the same would count for more.
    assert len(versions_apart(f"sharp:{photos}", 3, 5)) == 1


def test_other_processes_make_the_same_pictures(photos, tmp_path):
    sources = versions_apart(f"photographs:{photos}", 2, 5)
    caches = open_caches(sources, tmp_path / "cache", 2)
    made = [cache[0] for cache in caches]
    for source, pair in zip(sources, made, strict=True):
        ((_, blurry, sharp),) = open_source(**source).examples()
        np.testing.assert_array_equal(pair, (blurry, sharp))
    assert (made[0][0] != made[1][0]).any()


def test_a_mistake_in_another_process(photos, tmp_path):
    (photos / "b.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="b.png"):
        open_caches([{"text": f"photographs:{photos}"}], tmp_path / "cache", 1)
