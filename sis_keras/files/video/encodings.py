"""How a video is encoded: the codec and what its frames hold."""

import struct
from typing import NamedTuple

import av
from av.codec import Codec
from av.sidedata.sidedata import Type as SideData

from sis_keras.files.video.forms import Form
from sis_keras.files.video.hdr import light_of, lost_scenes
from sis_keras.files.video.planes import Layout, side_data

# Of its suffixes these take transparent pictures.
WITH_ALPHA = (".mov", ".mkv", ".webm")
# H.264's and HEVC's numbers of the places of chroma.
_SITINGS = ("left", "center", "topleft", "top", "bottomleft", "bottom")
_HALF, _WIDE, _WHOLE = (1, 1), (1, 0), (0, 0)
_NAMES = {_HALF: "4:2:0", _WIDE: "4:2:2", _WHOLE: "4:4:4"}
_NAMES |= {(2, 0): "4:1:1", (2, 2): "4:1:0", (0, 1): "4:4:0"}
# FFmpeg's numbers of the ways in which two eyes' pictures are one; H.264's.
_PACKINGS = {1: 3, 2: 4, 3: 5, 4: 0, 6: 2, 7: 1}


class Encoding(NamedTuple):
    """What an encoder is asked for.

    Attributes:
        codec: FFmpeg's name of the encoder.
        form: Of the frames that it gets.
        options: Its options.
        tag: The codec's name in an MP4, where players want another one.
        notes: Sentences on what it does not keep.
    """

    codec: str
    form: Form
    options: dict[str, str]
    tag: str | None = None
    notes: tuple[str, ...] = ()


def choose_encoding(
    suffix: str, form: Form, frame: av.VideoFrame, size, crf: int
) -> Encoding:
    """The encoding that keeps most of a source, where players show it.

    Args:
        suffix: Of the file to write, in small letters.
        form: That of the source.
        frame: Its first frame, for its side data.
        size: Width and height, pixels.
        crf: H.264's quality; others get one that looks alike.
    """
    layout, notes = form.layout, []
    if layout.alpha and suffix in WITH_ALPHA:
        found = _transparent(suffix, form, size, crf)
    else:
        found = _opaque(suffix, form, size, crf)
    codec, wanted, siting, options, tag = found
    notes = _notes(suffix, layout, wanted, size)
    if layout.alpha and not wanted.alpha:
        notes.append(
            f"transparency is lost, it is shown on black: {suffix} holds "
            "none; a .mov, .mkv or .webm does"
        )
    elif codec == "libvpx-vp9" and wanted.alpha:
        notes.append(
            "transparency (alpha) is kept as WebM has it: browsers show it, "
            "some players show the video opaque"
        )
    notes += _said_of_light(codec, frame)
    packing, lost = _packing(codec, suffix, frame)
    notes += lost
    light = light_of(frame).get(codec, "")
    parameters = {"libx264": "x264-params", "libx265": "x265-params"}
    words = [word for word in (light, packing) if word]
    if codec in parameters:
        if siting != "left":
            words.append(f"chromaloc={_SITINGS.index(siting)}")
        if codec == "libx265":
            words.append("log-level=none")
    if words:
        key = parameters.get(codec, "svtav1-params")
        options[key] = ":".join(words)
    # RGB and grey are of the full range in files for which video is not.
    full = form.full and layout.kind == "yuv"
    return Encoding(
        codec,
        Form(wanted, form.matrix, full, siting),
        options,
        tag if suffix in (".mp4", ".m4v", ".mov") else None,
        tuple(notes),
    )


def has_encoder(name: str, pix_fmt: str | None = None) -> bool:
    """Whether this PyAV has it, and it takes the pixel format."""
    try:
        formats = Codec(name, "w").video_formats or []
    except ValueError:
        return False
    return pix_fmt is None or pix_fmt in [found.name for found in formats]


def _transparent(suffix, form, size, crf):
    layout, shifts = form.layout, _kept_shifts(form.layout)
    if suffix == ".mov":
        wanted = Layout("yuv", 10, _WHOLE, True)
        options = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}
        return "prores_ks", wanted, "left", options, None
    if suffix == ".webm":
        wanted = Layout("yuv", 8, _HALF, True)
        return "libvpx-vp9", wanted, "left", _vp9(crf), None
    bits = next(bits for bits in (8, 10, 16) if bits >= layout.bits)
    return "ffv1", Layout("yuv", bits, shifts, True), "left", _ffv1(), None


def _opaque(suffix, form, size, crf):
    shifts = _kept_shifts(form.layout)
    odd = bool(size[0] % 2 or size[1] % 2)
    bits = form.layout.bits
    if suffix == ".webm":
        deep = Layout("yuv", 10, _HALF)
        if bits > 8 and has_encoder("libsvtav1", deep.pix_fmt):
            options = {"crf": _of_63(crf), "preset": "6"}
            return "libsvtav1", deep, "left", options, None
        return "libvpx-vp9", Layout("yuv", 8, _HALF), "left", _vp9(crf), None
    if bits > 8:
        shifts = _WHOLE if odd else shifts
        depths = [depth for depth in (10, 12, 16) if depth >= min(bits, 16)]
        for depth in [*depths, 12, 10]:
            wanted = Layout("yuv", depth, shifts)
            for codec, tag in (("libx265", "hvc1"), ("libx264", None)):
                if has_encoder(codec, wanted.pix_fmt):
                    place = form.siting if shifts == _HALF else "left"
                    return codec, wanted, place, {"crf": str(crf)}, tag
            if suffix == ".mkv" and has_encoder("ffv1", wanted.pix_fmt):
                return "ffv1", wanted, "left", _ffv1(), None
    if odd:
        shifts = _WHOLE
    elif suffix != ".mkv":
        shifts = _HALF
    place = form.siting if shifts == form.layout.shifts == _HALF else "left"
    wanted = Layout("yuv", 8, shifts)
    return "libx264", wanted, place, {"crf": str(crf)}, None


def _kept_shifts(layout):
    """4:2:0, 4:2:2 or 4:4:4: the first that loses nothing."""
    if layout.kind == "grey":
        return _HALF
    across, down = layout.shifts
    return min(across, 1), min(down, min(across, 1))


def _of_63(crf):
    return str(round(crf * 63 / 51))


def _vp9(crf):
    return {
        "crf": _of_63(crf),
        "b": "0",
        "deadline": "good",
        "cpu-used": "2",
        "row-mt": "1",
    }


def _ffv1():
    return {"level": "3", "g": "1", "slicecrc": "1"}


def _notes(suffix, had, wanted, size):
    notes = []
    if had.bits > wanted.bits:
        notes.append(
            f"{wanted.bits} bits are written where the source has {had.bits}"
        )
    finer = had.kind == "rgb" or (
        had.kind == "yuv"
        and (
            had.shifts[0] < wanted.shifts[0] or had.shifts[1] < wanted.shifts[1]
        )
    )
    if finer and wanted.shifts != _WHOLE:
        was = "RGB" if had.kind == "rgb" else _NAMES[had.shifts]
        notes.append(
            f"colours are written in {_NAMES[wanted.shifts]}, which every "
            f"player shows, not {was}; a .mkv keeps them"
        )
    return notes


def _packing(codec, suffix, frame):
    """How two eyes' pictures lie in one: in H.264, or as Matroska's tag."""
    data = side_data(frame, SideData.STEREO3D)
    kind, inverted = struct.unpack_from("=2i", data) if data else (0, 0)
    if not kind or suffix in (".mkv", ".webm"):
        return "", []
    if codec == "libx264" and kind in _PACKINGS and not inverted & 1:
        return f"frame-packing={_PACKINGS[kind]}", []
    return "", ["how the two eyes' pictures (3D) lie in one is lost"]


def _said_of_light(codec, frame):
    notes = [
        f"{name}'s description of each scene is left out; the picture is "
        "what shows without it"
        for name in lost_scenes(frame)
    ]
    light = light_of(frame)
    if light and codec not in light:
        notes.append(
            "the mastering display and the light level are lost: "
            f"{codec} takes none"
        )
    return notes
