"""Flags that train.py and evaluate.py share, in the groups of --help.

One flagfile serves both programs, so every flag of a run is declared here; a
misspelt one is an error in both.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# Whatever ~/.keras/keras.json says: the game is TensorFlow's.
os.environ["KERAS_BACKEND"] = "tensorflow"

from absl import flags

from sis_keras.commands import help
from sis_keras.commands.game_flags import define_game
from sis_keras.commands.memory_flags import define_memory_flags
from sis_keras.commands.optimizer_flags import define_optimizer_flags
from sis_keras.commands.records_flags import define_records
from sis_keras.commands.sources_flag import define_sources
from sis_keras.errors import UserError
from sis_keras.networks.presets import PRESETS

FLAGS = flags.FLAGS
GROUPS: list[help.Group] = []


def _group(title, sentence):
    declared = FLAGS.flags_by_module_dict().get(__name__, [])
    GROUPS.append(help.Group(title, sentence, len(declared)))


_group("Run", "where it is, and what it draws by chance.")
flags.DEFINE_string("output", None, "Folder of the run; made if absent.")
flags.DEFINE_integer(
    "seed", 0, "Of weights, data and synthetic blur, validation's aside.", 0
)
_group("Data", "docs/training.md lists what a SOURCE may be.")
define_sources(
    "train_data",
    [],
    "SOURCEs to train on: a FOLDER of pairs, photographs:FOLDER, flow:PATH, "
    "tfds:gopro/blur:train, ….",
)
define_sources(
    "validation_data",
    [],
    "Sources to validate on, whole frames; never trained on; GROUP=SOURCE "
    "puts one into a group. Best is the mean of the groups' gains, with sharp "
    "pictures at 40 dB or more. Default: the sequences of --hold_out.",
)
define_sources(
    "test_data",
    [],
    "Sources that evaluate.py scores. Default: what was validated on.",
)
flags.DEFINE_list(
    "hold_out", [], "Sequences of --train_data that are never trained on."
)
define_records()
_group("Blur", "of the input; streaks in pixels of a 720p picture.")
flags.DEFINE_enum(
    "inputs",
    "blur",
    ["blur", "blur_gamma"],
    "Which folder beside sharp/ is the input: the mean of the stored values, "
    "or of linear light.",
)
flags.DEFINE_float(
    "synthetic_share",
    0.25,
    "Share of crops with synthetic blur where real pairs are there too.",
    0.0,
    0.95,
)
flags.DEFINE_integer(
    "synthetic_versions",
    1,
    "How often a photograph is blurred or unfocused.",
    1,
)
flags.DEFINE_integer(
    "flow_versions",
    None,
    "How often each frame of flow:PATH is blurred; default: as photographs.",
    1,
)
flags.DEFINE_integer(
    "refresh_steps",
    None,
    "Blur everything anew, with another seed, after so many steps; prepared "
    "in the background. Default: never.",
    1,
)
flags.DEFINE_list(
    "synthetic_streak",
    ["3", "30"],
    "Shortest and longest streak of the camera's shake in synthetic blur, in "
    "pixels of a 720p picture.",
)
flags.DEFINE_enum(
    "synthetic_blur",
    "dynamic",
    ["dynamic", "pan"],
    "A shaking camera, moving objects, noise and JPEG; or a camera that pans "
    "evenly and nothing else.",
)
flags.DEFINE_integer(
    "validation_versions",
    1,
    "How often each photograph to validate on is blurred.",
    1,
)
_group("Places", "where pictures are kept.")
flags.DEFINE_string(
    "cache_dir", None, "Of the decoded pictures. Default: <output>/cache."
)
flags.DEFINE_string(
    "data_dir", None, "Where TFDS keeps prepared data. Default: TFDS's own."
)
flags.DEFINE_string(
    "manual_dir", None, "Holds GOPRO_Large.zip or the unpacked folder."
)
_group("Network", "a preset, and weights to begin with.")
flags.DEFINE_string("preset", "sisnet_mobile", f"One of {sorted(PRESETS)}.")
flags.DEFINE_enum(
    "normalization",
    None,
    ["batch", "frozen", "none"],
    "Of the extracting path; default: the preset's.",
)
flags.DEFINE_enum(
    "fusion", "add", ["add", "concat"], "How Algorithm 1 joins the scales."
)
flags.DEFINE_bool("residual", True, "Add the output to the input.")
flags.DEFINE_bool("intermediate_path", True, "False: Nolalent-net, Table 2.")
flags.DEFINE_bool("info_box", True, "False: Nosis-net, Table 2.")
flags.DEFINE_string(
    "imagenet_weights",
    None,
    "InceptionV3's ImageNet weights (width 1), a file.",
)
flags.DEFINE_string(
    "continue_from",
    None,
    "Start from the whole state of this checkpoint (last.safetensors): the "
    "weights, their average, the optimizer; but at step 0 of a new schedule.",
)
flags.DEFINE_string(
    "initial_weights",
    None,
    "Start from these weights, a released name, file or checkpoint "
    "(fine-tuning).",
)
flags.DEFINE_bool(
    "initial_average",
    True,
    "Of a checkpoint's weights take the average, which is the product; else "
    "those that the training moved.",
)
_group("Loss", "terms of Eq. 7 and some beyond it, by weight.")
flags.DEFINE_enum(
    "content",
    "mse",
    ["mse", "charbonnier", "psnr"],
    "Content loss; of about the same gradient are 1 of charbonnier and 0.005 "
    "of psnr.",
)
flags.DEFINE_float(
    "content_weight", 0.5, "Of the content loss, tau_1 of Eq. 7."
)
flags.DEFINE_float(
    "perceptual_weight",
    0.006,
    "Of the perceptual loss, tau_2 of Eq. 7; 0 needs no VGG16.",
)
flags.DEFINE_string("vgg16_weights", None, "VGG16's ImageNet weights, a file.")
flags.DEFINE_float("ssim_weight", 0.0, "Of 1 - SSIM; beyond the paper.")
flags.DEFINE_float(
    "frequency_weight", 0.0, "Of the difference of spectra; beyond the paper."
)
flags.DEFINE_float(
    "coarse_weight",
    None,  # That of runs from before it was there.
    "Of the content loss at 1/2, 1/4, 1/8 and 1/16 of the size; beyond the "
    "paper. Default: none of it.",
    0.0,
)
_group("Game", "Eq. 6 and its discriminators.")
define_game()
_group("Steps", "how many crops, how large, from where.")
flags.DEFINE_integer("steps", 1000, "Of the whole run.", 1)
flags.DEFINE_integer("batch_size", 8, "Crops a step.", 1)
flags.DEFINE_integer("crop_size", 256, "Height and width of a crop.", 16)
flags.DEFINE_integer(
    "crops_per_picture", 8, "Crops from each pair in an epoch.", 1
)
flags.DEFINE_integer(
    "crop_candidates",
    1,
    "Draw each crop from so many places, by how much there is to learn.",
    1,
)
flags.DEFINE_bool(
    "weigh_pictures",
    None,  # Runs from before it was there resume without.
    "Draw pairs by how much their halves differ; neither the mildest nor the "
    "strongest blur teaches much.",
)
_group("Optimizer", "what a step does with the gradients.")
define_optimizer_flags()
_group("Arithmetic", "how and on what it computes.")
flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16", "mixed_float16", "auto"],
    "Of the networks' arithmetic; weights stay float32. auto: mixed_bfloat16 "
    "where the device is fast in it, else float32.",
)
flags.DEFINE_integer(
    "threads_of_an_operation",
    None,
    "Of TensorFlow on a CPU; default: all cores. With two cores one thread, "
    "and two operations at once, is faster.",
    1,
)
flags.DEFINE_integer(
    "operations_at_once", None, "On a CPU; default: as many as cores.", 1
)
flags.DEFINE_bool("xla", False, "Compile the step with XLA.")
define_memory_flags()
_STRATEGIES = ["auto", "one", "mirrored", "multi_worker", "tpu"]
flags.DEFINE_enum(
    "strategy", "auto", _STRATEGIES, "What it trains on: docs/scaling.md."
)
_group("Work", "what is written, and how often, in steps.")
flags.DEFINE_integer(
    "most_skipped", 5, "Stop after so many steps that are not finite.", 1
)
flags.DEFINE_integer(
    "log_every", 20, "Steps between two rows of training.csv.", 1
)
flags.DEFINE_integer("validate_every", 500, "Steps between two validations.", 1)
flags.DEFINE_integer(
    "checkpoint_every", 200, "Steps between two writes of last.safetensors.", 1
)
flags.DEFINE_bool("resume", False, "Go on from <output>/last.safetensors.")


def of_a_run() -> list[flags.Flag]:
    """The flags of this module, which any program of a run takes."""
    return FLAGS.flags_by_module_dict()[__name__]


def required(name: str) -> Any:
    """A flag's value.

    Raises:
        UserError: It was not given.
    """
    value = FLAGS[name].value
    if not value:
        raise UserError(f"Expected --{name}. Received none; see --help.")
    return value
