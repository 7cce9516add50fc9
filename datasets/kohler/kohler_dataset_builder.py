"""The Köhler benchmark: real camera shake, 4 images x 12 trajectories."""

from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from datasets.kohler.files import (
    FEWEST_FRAMES,
    OFFICIAL_IMAGES,
    File,
    Files,
    list_files,
)
from datasets.kohler.ground_truth import (
    encode_png,
    is_scored,
    read_mat_frames,
)
from datasets.png import png_size
from datasets.trees import manual_folder, shorten
from sis_keras.errors import UserError


class Builder(tfds.core.GeneratorBasedBuilder):
    """The blurred images and, with the config `ground_truth`, sharp frames.

    A `sis_keras.errors.UserError` says what is wrong with the user's files.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="blurred", description="The blurred images alone."
        ),
        tfds.core.BuilderConfig(
            name="ground_truth",
            description="With the sharp frames along each trajectory that the "
            "benchmark compares with.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put Blurry1_1.png ... Blurry4_12.png or BlurryImages.zip into "
        "manual_dir; for the config ground_truth also the files "
        "GroundTruth1_1.mat ... GroundTruth4_12.mat, or "
        "GroundTruth_pngs_Image1.zip ... GroundTruth_pngs_Image4.zip, or "
        "folders GroundTruth1_1 ... of PNG files. Get them from "
        "http://webdav.is.mpg.de/pixel/benchmark4camerashake/ (research use)."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        def picture():
            return tfds.features.Image(
                shape=(None, None, 3), encoding_format="png"
            )

        features = {
            "blurry": picture(),
            "image": tfds.features.Scalar(np.int32),
            "kernel": tfds.features.Scalar(np.int32),
        }
        if self.builder_config.name == "ground_truth":
            features["frames"] = tfds.features.Sequence(picture())
            features["frame_numbers"] = tfds.features.Sequence(np.int32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="http://webdav.is.mpg.de/pixel/benchmark4camerashake/",
            license="Research use",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        manual_dir = manual_folder(dl_manager)
        files = self.check_files(manual_dir)
        if len(files.blurry) != OFFICIAL_IMAGES:
            logging.warning(
                "%d of the benchmark's %d images are in %s.",
                len(files.blurry),
                OFFICIAL_IMAGES,
                manual_dir,
            )
        present = files.mats.keys() | files.frames.keys()
        if self.builder_config.name == "ground_truth":
            for key in sorted(files.blurry.keys() - present):
                logging.warning("Blurry%d_%d has no sharp frames.", *key)
        return {"test": self._generate_examples(files)}

    def check_files(self, manual_dir) -> Files:
        """The benchmark's files in a folder; reads names alone.

        Raises:
            UserError: There are none, or halves of them.
        """
        files = list_files(manual_dir)
        if not files.blurry:
            found = [path.name for path in sorted(manual_dir.iterdir())]
            raise UserError(
                "Expected Blurry{1..4}_{1..12}.png or BlurryImages.zip in "
                f"{manual_dir}. Found: {shorten(found)}. "
                f"{self.MANUAL_DOWNLOAD_INSTRUCTIONS}"
            )
        if self.builder_config.name == "ground_truth":
            _check_ground_truth(manual_dir, files)
        return files

    def _generate_examples(self, files: Files) -> Iterator[tuple[str, dict]]:
        for (image, kernel), file in sorted(files.blurry.items()):
            blurry = file.read()
            size = png_size(blurry, str(file))
            example = {"blurry": blurry, "image": image, "kernel": kernel}
            if self.builder_config.name == "ground_truth":
                frames = _read_frames(files, image, kernel, file, size)
                example["frames"] = list(frames.values())
                example["frame_numbers"] = list(frames)
            yield f"{image}_{kernel}", example


def _check_ground_truth(manual_dir, files: Files) -> None:
    """Raises UserError without any frames, or for frames without an image."""
    present = files.mats.keys() | files.frames.keys()
    if not present:
        raise UserError(
            "Expected sharp frames, GroundTruth1_1.mat or "
            f"GroundTruth_pngs_Image1.zip and so on, in {manual_dir}. Found "
            "none. Prepare kohler/blurred for the blurred images alone."
        )
    missing = [
        f"Blurry{image}_{kernel}.png"
        for image, kernel in sorted(present - files.blurry.keys())
    ]
    if missing:
        raise UserError(
            "Expected the blurred image beside its sharp frames in "
            f"{manual_dir}. Missing: {shorten(missing)}."
        )


def _read_frames(
    files: Files, image: int, kernel: int, blurry: File, size
) -> dict[int, bytes]:
    """The scored frames as PNG bytes, by their numbers, in order.

    Empty where neither PNG files nor the MATLAB file is there; the PNG files
    go before, since they are copied as they are.
    """
    frames = {}
    key = image, kernel
    if key in files.frames:
        for number, file in sorted(files.frames[key].items()):
            picture = file.read()
            _check_size(str(file), png_size(picture, str(file)), blurry, size)
            frames[number] = picture
    elif key in files.mats:
        file = files.mats[key]
        for number, frame in read_mat_frames(str(file)):
            _check_size(str(file), frame.shape[:2], blurry, size)
            frames[number] = encode_png(frame)
    if 0 in frames:
        raise UserError(
            "Expected frames numbered from 1, as the benchmark does. Received: "
            f"{files.frames[key][0]}, number 0. Rename the files."
        )
    if 0 < len(frames) < FEWEST_FRAMES:
        logging.warning(
            "Blurry%d_%d has %d sharp frames, fewer than the benchmark's %d.",
            image,
            kernel,
            len(frames),
            FEWEST_FRAMES,
        )
    return {
        number: picture
        for number, picture in frames.items()
        if is_scored(image, kernel, number)
    }


def _check_size(name: str, frame_size, blurry: File, size) -> None:
    if tuple(frame_size) != tuple(size):
        raise UserError(
            "Expected one size (height x width) for a blurred image and its "
            f"frames. Received: {blurry} {size[0]}x{size[1]} and {name} "
            f"{frame_size[0]}x{frame_size[1]}. Download the data again."
        )
