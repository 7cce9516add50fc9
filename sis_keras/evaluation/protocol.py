"""What a table of numbers means and was made with, in words."""

import importlib.metadata
import platform

from sis_keras.data.in_order import cores

SOFTWARE = (
    "numpy",
    "opencv-python",
    "opencv-python-headless",
    "scikit-image",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
)


def describe(
    known: dict, metrics: dict[str, str], images: list[dict], repeats: int
) -> dict:
    """The protocol of `evaluation.evaluate`.

    Args:
        known: What only the caller knows (input, source, weights, device,
            precision, …); it comes first.
        metrics: What each name of a metric means.
        images: The entries of the scored images.
        repeats: Timed runs for each image.

    Returns:
        Strings and numbers by topic; `metrics` and `software` are
        dictionaries of strings.
    """
    sizes = sorted({(image["width"], image["height"]) for image in images})
    resolution = ", ".join(f"{width}x{height}" for width, height in sizes[:5])
    if len(sizes) > 5:
        resolution += f" and {len(sizes) - 5} more sizes"
    protocol = known | {
        "images": len(images),
        "sequences": len({image["sequence"] for image in images}),
        "resolution": resolution,
        "frames": "whole, no crop",
        "rounding": "clip to [0, 1], round to the nearest 8-bit level",
        "average": "mean over images; infinite values counted, left out",
    }
    if "seconds" in images[0]:
        protocol["timing"] = (
            "batch 1, float32 in, result fetched, after a warm-up for each "
            f"size, median of {repeats} run(s) for each image and of the "
            "images; with decoding: also reading both files of the pair and "
            "conversion from and to uint8"
        )
    protocol["metrics"] = dict(metrics)
    return protocol | {"software": software_versions()}


def known_protocol(sources: list, weights: str, precision: str) -> dict:
    """What a report must say of its pictures, weights and machine."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(x) for x in devices]
    names = [str(x.get("device_name", "GPU")) for x in details]
    return {
        "source": ", ".join(source.name for source in sources),
        "input": "; ".join(sorted({source.input for source in sources})),
        "weights": weights,
        "precision": precision,
        "device": ", ".join(names) or f"{cores()} {platform.machine()} cores",
    }


def software_versions() -> dict[str, str]:
    """Versions of Python and of the installed libraries that take part."""
    versions = {"python": platform.python_version()}
    for package in SOFTWARE:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
