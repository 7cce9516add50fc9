"""Pairs of many sources, decoded and blurred in many processes at once."""

import concurrent.futures
import multiprocessing
from collections.abc import Sequence

import tqdm

from sis_keras.data.cache import PictureCache, open_cache
from sis_keras.data.child_process import start_child
from sis_keras.data.open_source import open_source
from sis_keras.data.source_text import read_text

# Versions of a photograph are blurred with seeds so far apart.
SEEDS_OF_A_VERSION = 10_000


def versions_apart(
    text: str,
    versions: int,
    seed: int,
    flow_versions: int | None = None,
    **arguments,
) -> list[dict]:
    """Arguments of `open_source`, a source of its own for each version.

    Blurring is what takes long, and processes share work by whole sources.

    Args:
        text: Of a source.
        versions: How often each photograph is blurred.
        seed: Of the synthetic blur.
        flow_versions: How often each frame of `flow:PATH` is; None is as
            often as a photograph.
        **arguments: Others of `open_source`.
    """
    if flow_versions and read_text(text).kind == "flow":
        versions = flow_versions
    first, second = [
        {"text": text, "seed": seed + SEEDS_OF_A_VERSION * n, **arguments}
        for n in range(2)
    ]
    source = open_source(**first)
    varies = open_source(**second).fingerprint != source.fingerprint
    if not (source.synthetic and varies):
        return [first]  # Sharp pictures are the same with every seed.
    return [
        {**first, "seed": seed + SEEDS_OF_A_VERSION * number}
        for number in range(versions)
    ]


def open_caches(
    sources: Sequence[dict], folder, workers: int
) -> list[PictureCache]:
    """A cache for each source, made where it is not there yet.

    Args:
        sources: Arguments of `open_source`; they go to other processes.
        folder: Of the caches.
        workers: Processes. The program's file must keep what it runs under
            `if __name__ == "__main__"`: each process imports it again.

    Raises:
        UserError: As `open_cache`.
    """
    folders = cache_folders(sources, folder)
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), start_child
    )
    try:
        made = pool.map(_make, sources, folders)
        bar = tqdm.tqdm(made, "preparing pictures", len(folders), unit="source")
        list(bar)
    finally:
        pool.shutdown(cancel_futures=True)
    return [PictureCache(folder) for folder in folders]


def cache_folders(sources: Sequence[dict], folder) -> list[str]:
    """Where `open_caches` puts each source's cache."""
    return [f"{folder}/{number:03d}" for number in range(len(sources))]


def _make(source, folder):
    open_cache([open_source(**source)], folder, progress=False, threads=1)
