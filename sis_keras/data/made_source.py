"""Sources whose blur is made here, or that have none."""

import functools
import pathlib

from sis_keras.data import triplets
from sis_keras.data.blur.focus import shallow_photograph
from sis_keras.data.blur.synthetic import (
    FLAT_SIZE,
    blurred_photograph,
    flat_pair,
)
from sis_keras.data.source import Item, of_items
from sis_keras.errors import UserError
from sis_keras.files.pictures import (
    halved_size,
    list_pictures,
    read_rgb,
    stored_size,
)
from sis_keras.optional import optional_package

# Changes whenever the same seed gives other synthetic blur.
BLUR_VERSION = 3
SHARP = "sharp pictures, no blur"
# Settings of `synthetic_blur` by name.
BLURS = {
    "dynamic": {},
    # The easy case, which a few minutes can learn: level streaks, no more.
    "pan": {
        "pan": True,
        "object_probability": 0.0,
        "defocus_probability": 0.0,
        "noise_probability": 0.0,
        "jpeg_probability": 0.0,
    },
}
SKIMAGE_PHOTOGRAPHS = {
    "train": (
        "chelsea",
        "rocket",
        "coffee",
        "hubble_deep_field",
        "brick",
        "grass",
        "gravel",
        "camera",
    ),
    # motorcycle_right, the same scene, is in neither.
    "test": ("astronaut", "motorcycle_left"),
}


def photographs_in(kind, folder):
    """Paths of the pictures in a folder; a UserError where there are none."""
    if not pathlib.Path(folder).is_dir() or not list_pictures(folder):
        raise UserError(
            f"{kind}:FOLDER expects a folder of sharp pictures. "
            f"Received: {folder}, which holds none itself. Name the folder "
            "that they lie in."
        )
    return list_pictures(folder)


def sharp_source(text, paths):
    """Pictures whose halves are equal."""

    def make(path):
        picture = read_rgb(path)
        return picture, picture

    items = [
        Item(
            path.stem,
            (path,),
            functools.partial(make, path),
            functools.partial(stored_size, path),
        )
        for path in paths
    ]
    return of_items(text, items, synthetic=True, input=SHARP)


def _versions(things, count, seed):
    """Each thing `count` times: it, the version, and the seed of that."""
    for place, thing in enumerate(things):
        for version in range(count):
            yield thing, version, (seed, place, version)


def shallow_source(text, paths, arguments):
    """Pictures with a shallow depth of field, whose halves are equal."""
    versions, seed = arguments["versions"], arguments["seed"]
    items = [
        Item(
            f"shallow/{path.stem}/{version}",
            (path,),
            functools.partial(shallow_photograph, path, drawn),
            functools.partial(stored_size, path),
        )
        for path, version, drawn in _versions(paths, versions, seed)
    ]
    return of_items(
        text,
        items,
        BLUR_VERSION,
        seed,
        synthetic=True,
        input=f"pictures out of focus in part, no other blur, seed {seed}",
    )


def flat_source(text, number, seed):
    """Plain colours and gradients."""
    if not number.isdecimal() or int(number) < 1:
        raise UserError(f"Expected flat:N with N from 1 up. Received: {text}.")
    items = [
        Item(
            f"flat/{n}",
            (),
            functools.partial(flat_pair, (seed, n)),
            lambda: (FLAT_SIZE, FLAT_SIZE),
        )
        for n in range(int(number))
    ]
    return of_items(
        text, items, seed, synthetic=True, input="plain colours and gradients"
    )


def photograph_source(text, kind, rest, arguments, half):
    """Photographs with synthetic blur."""
    paths = (
        _skimage_paths(rest)
        if kind == "skimage"
        else photographs_in(kind, rest)
    )
    versions, seed = arguments["versions"], arguments["seed"]
    settings = {
        "extent": arguments["streak"],
        **BLURS[arguments["kind_of_blur"]],
    }
    shortest, longest = settings["extent"]
    items = [
        Item(
            f"{'half/' if half else ''}{path.stem}/{version}",
            (path,),
            functools.partial(
                blurred_photograph,
                path,
                drawn,
                half,
                **settings,
            ),
            functools.partial(_photograph_size, path, half),
        )
        for path, version, drawn in _versions(paths, versions, seed)
    ]
    return of_items(
        text,
        items,
        BLUR_VERSION,
        seed,
        settings,
        synthetic=True,
        input=(
            f"synthetic blur ({'pan' if 'pan' in settings else 'dynamic'}), "
            f"seed {seed}, camera streaks of {shortest:g} to {longest:g} "
            f"pixels at 720p{', at half size' if half else ''}"
        ),
    )


def _photograph_size(path, half):
    size = stored_size(path)
    return halved_size(size) if size and half else size


def flow_source(text, path, arguments):
    """Frames of videos, blurred along their optical flow."""
    versions = arguments["flow_versions"] or arguments["versions"]
    seed, extent = arguments["seed"], arguments["streak"]
    shortest, longest = extent
    clips, dropped = triplets.find_triplets(path)
    items = [
        Item(
            f"{clip.name}/{version}",
            clip.files,
            functools.partial(triplets.blurred, clip, drawn, extent=extent),
            functools.partial(triplets.triplet_size, clip),
        )
        for clip, version, drawn in _versions(clips, versions, seed)
    ]
    source = of_items(
        text,
        items,
        BLUR_VERSION,
        seed,
        extent,
        synthetic=True,
        input=(
            f"blur along optical flow, seed {seed}, streaks of {shortest:g} "
            f"to {longest:g} pixels at 720p"
        ),
    )
    return source._replace(note=dropped)


def _skimage_paths(split):
    if split not in SKIMAGE_PHOTOGRAPHS:
        raise UserError(
            f"Expected skimage:train or skimage:test. Received: {split!r}."
        )
    skimage = optional_package("skimage", "training")
    folder = pathlib.Path(*skimage.__path__) / "data"
    return [
        next(folder.glob(f"{name}.*")) for name in SKIMAGE_PHOTOGRAPHS[split]
    ]
