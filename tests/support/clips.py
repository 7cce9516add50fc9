"""Small videos made with PyAV, read anew by PyAV and OpenCV."""

from fractions import Fraction

import av
import cv2
import numpy as np

from sis_keras.files.video.frame_by_frame import deblur_video
from sis_keras.files.video.planes import frame_of

TICK = Fraction(1, 15360)


def scene(index, height=48, width=64):
    """A smooth picture that moves, uint8; its three channels differ."""
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin((rows + 2 * index) / 9), np.cos((columns - index) / 7)]
    picture = np.stack([*waves, np.sin((rows + columns) / 11)], -1)
    return np.rint(127.5 + 100 * picture).astype(np.uint8)


def make_video(path, frames=12, size=(48, 64), times=None, **options):
    """Writes a video and its frames' times (1/30 s), with a sine as sound."""
    options = {"codec": "libx264", "sound": "aac", "pix_fmt": "yuv420p"} | (
        options
    )
    tags = options.get("tags", {})
    with av.open(path, "w") as file:
        video = file.add_stream(
            options["codec"], 30, options=options.get("encoder", {"crf": "8"})
        )
        video.height, video.width = size
        video.pix_fmt = options["pix_fmt"]
        tick = options.get("tick", TICK)
        video.codec_context.time_base = tick
        for name, value in tags.items():
            setattr(video.codec_context, name, value)
        if "rotation" in options:
            video.set_display_rotation(*options["rotation"])
        if options["sound"]:
            sound = file.add_stream(options["sound"], rate=48000)
            if options["sound"].startswith("wma"):
                sound.bit_rate = 128_000  # It has no default.
        for index in range(frames):
            picture = options.get("picture", scene(index, *size))
            frame = av.VideoFrame.from_ndarray(picture).reformat(
                format=options["pix_fmt"],
                dst_colorspace=tags.get("colorspace", 5),
                dst_color_range=tags.get("color_range", 1),
            )
            time = Fraction((times or range(frames))[index], 30)
            frame.pts, frame.time_base = int(time / tick), tick
            file.mux(video.encode(frame))
        file.mux(video.encode())
        for start in range(0, 1600 * frames if options["sound"] else 0, 1024):
            wave = 0.5 * np.sin(np.arange(start, start + 1024) / 17.0)
            heard = av.AudioFrame.from_ndarray(
                np.stack([wave, wave]).astype(np.float32), "fltp", "stereo"
            )
            heard.sample_rate, heard.pts = 48000, start
            file.mux(sound.encode(heard))
        if options["sound"]:
            file.mux(sound.encode())
    return path


def frames_of(path):
    with av.open(path) as file:
        return list(file.decode(video=0))


def sound_of(path):
    with av.open(path) as file:
        packets = [x for x in file.demux(audio=0) if x.size]
    return [bytes(x) for x in packets], [x.pts * x.time_base for x in packets]


def by_opencv(path):
    """RGB frames as OpenCV reads them, not turned by the display matrix."""
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1][:, :, ::-1])
    return frames, video.get(cv2.CAP_PROP_FPS)


def copy(source, target, deblur=lambda picture: picture, **options):
    return deblur_video(source, target, deblur, progress=False, **options)


def notes_of(source, target, **options):
    """Copies a video; what was said, as one text."""
    notes = []
    copy(source, target, say=notes.append, overwrite=True, **options)
    return "\n".join(notes)


def heard(path, index=0):
    """A sound track's samples, its first channel, and their rate."""
    with av.open(path) as file:
        frames = list(file.decode(audio=index))
    channels = [np.atleast_2d(frame.to_ndarray()) for frame in frames]
    packed = not frames[0].format.is_planar
    step = frames[0].layout.nb_channels if packed else 1
    samples = np.concatenate([part[0, ::step] for part in channels])
    return samples.astype(float), frames[0].sample_rate


def planes(path, number=0):
    """A frame's planes as arrays, uint8 or uint16."""
    frame = frames_of(path)[number]
    deep = max(part.bits for part in frame.format.components) > 8
    kind, step = (np.uint16, 2) if deep else (np.uint8, 1)
    return [
        np.frombuffer(plane, kind).reshape(plane.height, -1)[
            :, : plane.line_size // step
        ][:, : plane.width]
        for plane in frame.planes
    ]


def raw_video(path, planes, pix_fmt, frames=5, **options):
    """Writes a video of one picture, whose planes are stored exactly."""
    with av.open(path, "w") as file:
        video = file.add_stream(
            options.get("codec", "ffv1"), 25, options=options.get("encoder", {})
        )
        video.height, video.width = planes[0].shape
        video.pix_fmt = pix_fmt
        video.metadata.update(options.get("metadata", {}))
        for name, value in options.get("tags", {}).items():
            setattr(video.codec_context, name, value)
        for index in range(frames):
            frame = frame_of(planes, pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            file.mux(video.encode(frame))
        file.mux(video.encode())
    return path


def element(data, name, new):
    """A Matroska file, one element replaced by others and an empty one.

    FFmpeg writes its length in one byte, where it is short.
    """
    start = data.index(name)
    length = 3 + (data[start + 2] & 127)
    assert len(new) + 2 <= length
    empty = b"\xec" + bytes([128 | (length - len(new) - 2)])
    filled = (new + empty).ljust(length, b"\0")
    return data[:start] + filled + data[start + length :]
