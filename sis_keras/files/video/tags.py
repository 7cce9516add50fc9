"""Metadata of a file and of its streams: which is kept."""

import re

# A container's own, which a writer states anew.
_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")
_OF_THE_ENCODER = ("encoder", "vendor_id")
# mkvmerge's, and FFmpeg's: they would speak of the source.
_STATISTICS = re.compile(
    r"(_STATISTICS_\w+|BPS|DURATION|NUMBER_OF_(BYTES|FRAMES))(-\w+)?",
    re.IGNORECASE,
)


def tags_of_file(metadata: dict[str, str]) -> dict[str, str]:
    """What is said of the whole: title, place, time, camera, …"""
    return _without(metadata, _OF_THE_FILE)


def tags_of_stream(metadata: dict[str, str], encoded: bool) -> dict[str, str]:
    """What is said of a stream: its language, name, time code, …

    Args:
        metadata: The source's.
        encoded: Whether the stream is encoded anew, not copied.
    """
    return _without(metadata, _OF_THE_ENCODER if encoded else ())


def has_keys(metadata: dict[str, str]) -> bool:
    """Whether there are some as phones write, com.apple.quicktime.make.

    MP4 and QuickTime then need another place for all of them.
    """
    return any(name.count(".") > 1 for name in metadata)


def _without(metadata, names):
    return {
        name: text
        for name, text in metadata.items()
        if name.lower() not in names and not _STATISTICS.fullmatch(name)
    }
