"""A video beside itself: as it was, and as it became."""

import numpy as np
from av.sidedata.sidedata import Type as SideData

from sis_keras.files.video.colours import over_black, picture_of
from sis_keras.files.video.planes import side_data
from sis_keras.files.video.source import Shown


class Comparison:
    """Puts frames beside each other, before at the left, as they are shown.

    Args:
        first: The first frame: of a video that players turn, the halves lie
            as they come to lie side by side.
    """

    def __init__(self, first: Shown):
        self._axis, self._before_first = 1, True
        turned = side_data(first.frame, SideData.DISPLAYMATRIX)
        if turned:
            matrix = np.frombuffer(turned, np.int32)
            # What is shown further right: columns times one, rows times other.
            columns, rows = int(matrix[0]), int(matrix[3])
            self._axis = 1 if abs(columns) >= abs(rows) else 0
            self._before_first = (columns if self._axis else rows) >= 0

    def both(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The two pictures as one, twice as wide or high."""
        pair = [before, after] if self._before_first else [after, before]
        return np.concatenate(pair, axis=self._axis)

    def shown(self, shown: Shown, after: np.ndarray) -> Shown:
        """The same frame with both pictures."""
        both = self.both(
            over_black(shown.pixels, shown.picture),
            over_black(after, shown.picture),
        )
        picture = picture_of(both, shown.picture.form)
        return shown._replace(picture=picture, pixels=both)
