"""What a video says of the screen it was made on, for encoders."""

import struct

import av
from av.sidedata.sidedata import Type as SideData

from sis_keras.files.video.planes import side_data


def light_of(frame: av.VideoFrame) -> dict[str, str]:
    """The mastering display and the light level, as each encoder takes them.

    Returns:
        Of "libx265", "libx264" and "libsvtav1", their parameters; nothing
        where the frame says nothing.
    """
    found: dict[str, list[str]] = {
        "libx265": [],
        "libx264": [],
        "libsvtav1": [],
    }
    display = side_data(frame, SideData.MASTERING_DISPLAY_METADATA)
    if display and len(display) >= 88:
        whole, exact = _display(display)
        if whole:
            found["libx265"].append(f"master-display={whole}")
            found["libx264"].append(f"mastering-display={whole}")
            found["libsvtav1"].append(f"mastering-display={exact}")
    light = side_data(frame, SideData.CONTENT_LIGHT_LEVEL)
    if light and len(light) >= 8:
        most, mean = struct.unpack_from("=2I", light)
        found["libx265"].append(f"max-cll={most},{mean}")
        found["libx264"].append(f"cll={most},{mean}")
        found["libsvtav1"].append(f"content-light={most},{mean}")
    return {name: ":".join(words) for name, words in found.items() if words}


def lost_scenes(frame: av.VideoFrame) -> list[str]:
    """Names of what describes each scene, which no encoder here takes."""
    names = {
        SideData.DOVI_RPU_BUFFER: "Dolby Vision",
        SideData.DOVI_METADATA: "Dolby Vision",
        SideData.DYNAMIC_HDR_PLUS: "HDR10+",
        SideData.DYNAMIC_HDR_VIVID: "HDR Vivid",
    }
    return sorted(
        {name for kind, name in names.items() if side_data(frame, kind)}
    )


def _display(data):
    """AVMasteringDisplayMetadata: red, green, blue, white, least, most."""
    numbers = struct.unpack_from("=22i", data)
    values = [
        above / below if below else 0.0
        for above, below in zip(numbers[:20:2], numbers[1:20:2], strict=True)
    ]
    has_primaries, has_luminance = numbers[20:]
    if not has_primaries:
        return None, None
    least, most = values[8:] if has_luminance else (0.0, 0.0)
    places = {
        name: values[2 * index : 2 * index + 2]
        for index, name in enumerate(("R", "G", "B", "WP"))
    }
    whole = "".join(
        "{}({},{})".format(name, *(round(50000 * x) for x in places[name]))
        for name in ("G", "B", "R", "WP")
    )
    exact = "".join(
        "{}({:.5f},{:.5f})".format(name, *places[name])
        for name in ("G", "B", "R", "WP")
    )
    return (
        f"{whole}L({round(10000 * most)},{round(10000 * least)})",
        f"{exact}L({most:.4f},{least:.4f})",
    )
