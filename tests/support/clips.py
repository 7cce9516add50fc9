"""Small videos made with PyAV, read anew by PyAV and OpenCV."""

from fractions import Fraction

import av
import cv2
import numpy as np

from sis_keras.files.video.frame_by_frame import deblur_video

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
        video.codec_context.time_base = TICK
        for name, value in tags.items():
            setattr(video.codec_context, name, value)
        if "rotation" in options:
            video.set_display_rotation(*options["rotation"])
        if options["sound"]:
            sound = file.add_stream(options["sound"], rate=48000)
        for index in range(frames):
            picture = options.get("picture", scene(index, *size))
            frame = av.VideoFrame.from_ndarray(picture).reformat(
                format=options["pix_fmt"],
                dst_colorspace=tags.get("colorspace", 5),
                dst_color_range=tags.get("color_range", 1),
            )
            time = Fraction((times or range(frames))[index], 30)
            frame.pts, frame.time_base = int(time / TICK), TICK
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
