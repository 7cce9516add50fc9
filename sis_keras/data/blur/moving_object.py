"""Objects that move by themselves in front of a photograph."""

from collections.abc import Callable

import cv2
import numpy as np

from sis_keras.data.blur import trajectories


def draw_objects(
    rng: np.random.Generator,
    picture: np.ndarray,
    camera: Callable[[np.ndarray], np.ndarray],
    extent: tuple[float, float],
) -> "list[MovingObject]":
    """Draws one to three objects with shapes, places and paths at random.

    Args:
        rng: Where the draws come from.
        picture: uint8 `(height, width, 3)`; the objects show parts of it.
        camera: Times to homographies; its shake moves the objects too.
        extent: Range of the longest streak of their own motion, pixels.
    """
    height, width = picture.shape[:2]
    objects = []
    for _ in range(int(rng.integers(1, 4))):
        share = rng.uniform(0.12, 0.45, 2)
        tall, wide = np.maximum((share * (height, width)).astype(int), 1)
        top = int(rng.integers(0, height - tall + 1))
        left = int(rng.integers(0, width - wide + 1))
        texture = picture[top : top + tall, left : left + wide]
        if rng.random() < 0.5:
            texture = texture[:, ::-1]
        # An object may reach over the edge of the picture.
        corner = rng.uniform(-0.5, 0.5, 2) * (wide, tall)
        corner += rng.random(2) * (width - wide, height - tall)
        thing = MovingObject(
            np.ascontiguousarray(texture),
            draw_matte(rng, (tall, wide)),
            np.floor(corner),
            _draw_path(rng, max(tall, wide)),
            camera,
        )
        objects.append(thing.scaled(rng.uniform(*extent)))
    return objects


def _draw_path(rng: np.random.Generator, size: float) -> trajectories.Path:
    """Mostly sideways; the turn and growth move the rim about half as far."""
    return trajectories.smooth_path(rng, (1.0, 0.6, 1.0 / size, 1.0 / size))


def draw_matte(rng: np.random.Generator, size) -> np.ndarray:
    """A random smooth shape that fits in `size`: float32 in [0, 1].

    Its outline is the polar curve r(a) = 1 + sum_k c_k cos(k a + phi_k),
    k = 2..5, stretched to `size` and two pixels soft.
    """
    height, width = size
    angles = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
    orders = np.arange(2, 6)
    phases = rng.uniform(0.0, 2.0 * np.pi, 4)
    waves = rng.normal(scale=0.35 / orders, size=4)
    radius = 1.0 + np.cos(np.outer(angles, orders) + phases) @ waves
    radius = np.maximum(radius, 0.3) / np.maximum(radius, 0.3).max()
    # Four pixels stay free, for the soft edge.
    x = (width - 1) / 2 + radius * np.cos(angles) * max(width / 2 - 4, 0)
    y = (height - 1) / 2 + radius * np.sin(angles) * max(height / 2 - 4, 0)
    matte = np.zeros(size, np.uint8)
    outline = np.rint(np.stack([x, y], -1) * 16).astype(np.int32)
    cv2.fillPoly(matte, [outline], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(matte, (5, 5), 0.7, borderType=cv2.BORDER_CONSTANT)
    return soft.astype(np.float32) / 255.0


class MovingObject:
    """A texture with a matte, on a path of its own under a shaking camera.

    Args:
        texture: uint8 `(height, width, 3)`.
        matte: float32 `(height, width)`, the opacity in [0, 1].
        corner: `(x, y)` of the upper left pixel at mid exposure, whole
            numbers, in the picture or outside.
        path: Times, shape `(n,)`, to the own motion, shape `(n, 4)`, as
            `trajectories.object_homographies` takes it; zero at time 0.
        camera: Times to homographies; its shake moves the object too.
    """

    def __init__(self, texture, matte, corner, path, camera):
        self.texture, self.matte = texture, matte
        self.path, self.camera = path, camera
        self.corner = np.asarray(corner, float)
        height, width = matte.shape
        left, top = self.corner
        self.outline = trajectories.box_grid(
            left, top, left + width - 1, top + height - 1
        )

    def scaled(self, extent: float) -> "MovingObject":
        """The same object, the longest streak of whose path is `extent`."""
        path = trajectories.scale_to_extent(
            self.path, self._own_homographies, self.outline, extent
        )
        return MovingObject(
            self.texture, self.matte, self.corner, path, self.camera
        )

    def _own_homographies(self, motion: np.ndarray) -> np.ndarray:
        centre = self.outline.mean(0)
        return trajectories.object_homographies(motion, centre)

    def homographies(self, times: np.ndarray) -> np.ndarray:
        """Own motion, then the camera's: `(n, 3, 3)`."""
        return self.camera(times) @ self._own_homographies(self.path(times))

    def placed(self, times: np.ndarray, size) -> "_Layer":
        """The object at `times`, ready to be painted on frames of `size`."""
        return _Layer(self, self.homographies(times), size)


class _Layer:
    """An object's frames, cut to the box that it passes through."""

    def __init__(self, thing: MovingObject, homographies, size):
        self.thing = thing
        ways = trajectories.positions(homographies, thing.outline)
        limit = np.array(size[::-1])
        low = np.floor(ways.min((0, 1)) - 1).astype(int).clip(0, limit)
        high = np.ceil(ways.max((0, 1)) + 2).astype(int).clip(0, limit)
        (self.left, self.top), (self.right, self.bottom) = low, high
        self.matrices = _shift(-low) @ homographies @ _shift(thing.corner)

    def paint(self, frame: np.ndarray, index: int) -> None:
        """Composites the object at time `index` over `frame`, in place."""
        size = (int(self.right - self.left), int(self.bottom - self.top))
        if min(size) <= 0:
            return
        matrix = self.matrices[index]
        box = frame[self.top : self.bottom, self.left : self.right]
        texture = cv2.warpPerspective(
            self.thing.texture,
            matrix,
            size,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        matte = cv2.warpPerspective(
            self.thing.matte, matrix, size, flags=cv2.INTER_LINEAR
        )[..., None]
        box[...] = np.rint(box + matte * (texture.astype(np.float32) - box))


def _shift(by) -> np.ndarray:
    matrix = np.eye(3)
    matrix[:2, 2] = by
    return matrix
