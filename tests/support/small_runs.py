"""How each command of the pages is run on small data, or why it is not."""

from typing import NamedTuple


class Run(NamedTuple):
    """It runs in a checkout of small pictures, as it stands there.

    Attributes:
        flags: That make it small; the last of a flag counts.
        makes: Files that it leaves, beside ending with status 0.
        often: With all tests; the others where `SIS_EVERY_COMMAND` is set.
        replaced: Words of it, and what stands there instead.
        wants: Commands that run before it, once.
    """

    flags: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    often: bool = False
    replaced: tuple[tuple[str, str], ...] = ()
    wants: tuple[str, ...] = ()


class InTest(NamedTuple):
    """A test runs the same program on data of its own."""

    test: str


class Called(NamedTuple):
    """.ci/run or the workflow has these words."""

    words: str


class NotHere(NamedTuple):
    why: str


# A run of train.py: two steps, of a run of its own.
STEPS = (
    "--steps=2",
    "--batch_size=2",
    "--crop_size=64",
    "--log_every=1",
    "--validate_every=2",
    "--flow_versions=1",
    "--synthetic_versions=1",
)
OUTPUT = "--output=runs/{number}"
TRAINED = ("runs/{number}/best.safetensors", "runs/{number}/last.safetensors")
EXPORT = (
    "python export.py --format=saved_model --weights=sisnet_mobile "
    "--output=export/sisnet/1"
)
RECORDS = (
    "python -m sis_keras.commands.crop_records --flagfile=recipes/mobile.flags "
    "--crop_records_to=crops --count=16 --crop_size=32 --flow_versions=1"
)

# The first pattern that a command, without `python -m`, fits from its
# beginning.
TABLE: dict[str, Run | InTest | Called | NotHere] = {
    # === Installing ===
    r"pip install -r requirements-test.txt": Called(
        "pip install --quiet -r requirements-test.txt"
    ),
    r"pip (install|uninstall|freeze)": NotHere("changes what is installed"),
    r"pip check": NotHere("of an image"),
    r"tests/support/dockerfile.py": NotHere("installs an environment"),
    r"(venv|source) \.venv": Called("python3 -m venv"),
    r"apt-get": NotHere("changes what is installed"),
    r"pre-commit install": NotHere("changes the repository's hooks"),
    r"(cd|export) ": NotHere("changes the shell alone"),
    r"-c import tensorflow": Run(),
    # === Tests ===
    r"pytest -n 2 --dist loadfile": Called("pytest -n 2 --dist loadfile"),
    r"pytest tests/demo": Run(("--collect-only",)),
    r"pytest tests": Run(("--collect-only",)),
    r"coverage run": NotHere("the tests again, measured"),
    r"coverage combine --quiet": NotHere("after those"),
    r"coverage report": NotHere("after those"),
    r"ruff check \.": Called("ruff check ."),
    r"ruff format --check \.": Called("ruff format --check ."),
    r"mypy": Called("mypy"),
    # === Releases ===
    r"sis_keras.commands.release .*--keep_trunk": InTest(
        "tests/training/test_checkpoint.py::test_a_trunk_that_was_kept"
    ),
    # It would write among the released weights.
    r"sis_keras.commands.release": InTest(
        "tests/export/test_release.py::test_the_entry_says_what_the_file_is"
    ),
    # === Patterns of commands ===
    r".* …$|\S+ …|.*=…": NotHere("a pattern of commands"),
    r"\S+ --help$": NotHere("test_commands.py asks every program"),
    # === Training ===
    r"train.py --flagfile=demo.flags": Run(
        (
            "--steps=2",
            "--validate_every=2",
            "--synthetic_versions=1",
            "--batch_size=2",
            OUTPUT,
        ),
        (*TRAINED, "runs/{number}/validation/before_after.png"),
        often=True,
    ),
    r"train.py .*recipes/gopro_mobile": InTest(
        "tests/commands/test_recipes.py::"
        "test_gopro_mobile_needs_gopro_large_alone"
    ),
    r"train.py --flagfile=gopro.flags": NotHere("wants GOPRO_Large, a GPU"),
    r"train.py .*--crop_records=.*--data_service": InTest(
        "tests/commands/test_train_records.py::"
        "test_a_run_outlives_a_worker_of_its_service"
    ),
    r"train.py .*--crop_records=": Run(
        (
            *STEPS,
            OUTPUT,
            "--crop_size=32",
            "--crop_records=crops",
            "--strategy=one",
        ),
        TRAINED,
        wants=(RECORDS,),
    ),
    r"train.py .*mobile_game": Run(
        (*STEPS, "--perceptual_weight=0", OUTPUT), TRAINED
    ),
    r"train.py .*recipes/own_": Run((*STEPS, OUTPUT), TRAINED),
    r"train.py .*recipes/(mobile|small).flags": Run((*STEPS, OUTPUT), TRAINED),
    r"sis_keras.commands.crop_records": Run(
        (
            "--crop_records_to=crops_{number}",
            "--count=16",
            "--crop_size=32",
            "--flow_versions=1",
        ),
        ("crops_{number}/index.json",),
    ),
    r"sis_keras.commands.data_service": InTest(
        "tests/data/records/test_service.py::"
        "test_a_worker_that_is_killed_loses_nothing"
    ),
    r"sis_keras.commands.(pack|train_jax)": InTest(
        "tests/training/on_jax/test_packing.py::"
        "test_a_packed_folder_trains_itself"
    ),
    r"sis_keras.commands.interpolate": Run(
        (), ("runs/mobile_game/half.safetensors",)
    ),
    r"tools.check_data": InTest(
        "tests/tools/test_check_data.py::test_all_that_the_recipes_name"
    ),
    r"tools.revive": InTest(
        "tests/tools/test_revive.py::test_dead_units_of_a_file_live_again"
    ),
    r"tools.recipe": Run(
        ("as it is", "--steps=2", "--output=runs/trials"),
        ("runs/trials/as_it_is/validation.csv",),
    ),
    r"tensorboard|http.server": NotHere("serves until it is stopped"),
    # === Evaluation ===
    r"evaluate.py --flagfile=demo.flags": Run(
        ("--limit=1",), ("runs/demo/evaluation/scores.json",), often=True
    ),
    r"evaluate.py --flagfile=gopro.flags": NotHere("wants GOPRO_Large"),
    r"evaluate.py .*=kohler:": InTest(
        "tests/commands/test_evaluate_kohler.py::test_table_4_of_a_picture"
    ),
    r"evaluate.py .*=tfds:kohler": InTest(
        "datasets/kohler/opening_test.py::test_prepared_by_tfds"
    ),
    r"evaluate.py .*--report=": Run(
        ("--limit=1",), ("runs/report/index.html",)
    ),
    r"evaluate.py .*--identity": Run(
        ("--limit=1",), ("runs/identity/scores.csv",)
    ),
    r"evaluate.py --weights": Run(
        ("--limit=1", "--repeats=1"), ("runs/evaluation/before_after.png",)
    ),
    r"benchmarks.perceptual": Run(
        ("--limit=1",),
        wants=(
            "python -m sis_keras.commands.interpolate --between=sisnet_mobile "
            "--between=runs/mobile_game/last.safetensors "
            "--write=runs/mobile_game/half.safetensors",
        ),
    ),
    r"tools.activations": Run(("--limit=1",)),
    r"tools.models": Run((), ("docs/models.md",)),
    r"tools.before_after": Run((), ("docs/deblur.jpg", "docs/strong_blur.jpg")),
    r"tools.gallery": InTest(
        "tests/tools/test_gallery.py::"
        "test_a_row_shows_the_most_blurred_place_at_full_size"
    ),
    r"tools.fuzz": Run(("--files=20",)),
    # === Deblurring ===
    r"deblur.py holiday.jpg$": Run((), ("holiday_deblurred.jpg",), often=True),
    r"deblur.py holiday.jpg .*": Run(
        ("--overwrite",), ("holiday_deblurred.jpg",)
    ),
    r"deblur.py photos/ --output=sharp/$": Run(
        (), ("sharp/below/b.png",), often=True
    ),
    r"deblur.py photos/ .* --compare": Run(
        ("--output=compared/",), ("compared/below/b_compare.png",)
    ),
    r"deblur.py clip.mp4": Run((), ("clip_sharp.mp4",), often=True),
    r"sis-deblur photo.jpg$": InTest(
        "tests/test_optional.py::test_pictures_are_deblurred_without_tensorflow"
    ),
    r"sis-deblur .*--shard": InTest(
        "tests/commands/test_deblur_shards.py::"
        "test_shares_are_all_without_overlap"
    ),
    r"sis-deblur .*--ray|ray start": InTest(
        "tests/restoring/test_on_ray.py::"
        "test_the_program_gives_the_bytes_of_one_process"
    ),
    # === Exports ===
    r"sis-export --format=tflite$": NotHere("a pattern of commands"),
    r"export.py --format=saved_model": Run(
        ("--output=export/{number}/1",),
        ("export/{number}/1/batching_params.pbtxt",),
    ),
    # The gate refuses int8 at 64x64: 37.9 dB from Keras, 45 are wanted.
    r"export.py --format=tflite .*--output=demo": Run(
        ("--size=256x256",), ("demo/model.tflite",)
    ),
    r"export.py --format=tflite": Run(
        ("--size=256x256",), ("sisnet_mobile_720p_int8.tflite",)
    ),
    r"litert-benchmark": NotHere("benchmarks.litert runs it"),
    r"npm ": InTest("tests/demo/test_demo.py::test_threads_agree_with_python"),
    r"tensorflow_model_server|docker|hey": NotHere("wants TensorFlow Serving"),
    r"saved_model_cli show": Run(wants=(EXPORT,)),
    r"saved_model_cli run|curl|base64|printf|tr |-c import base64": InTest(
        "tests/docs/test_serving.py::test_shell_clients"
    ),
    # === Benchmarks and experiments ===
    r"benchmarks.serving .*(--address|--url)": NotHere("wants a server"),
    r"benchmarks.serving": Run(
        (
            "--size=32x32",
            "--seconds=0.3",
            "--clients",
            "1",
            "--threads",
            "1",
            "--batches",
            "--overload",
            "1",
        ),
        wants=(EXPORT,),
    ),
    r"benchmarks.network": Run(
        (
            "--presets=sisnet_mobile",
            "--precisions=float32",
            "--height=64",
            "--width=64",
            "--crops=1",
            "--crop_size=64",
            "--repeats=1",
        )
    ),
    r"benchmarks.input_pipeline": Run(
        ("--rounds=1", "--seconds=0.2", "--count=16", "--crop_size=64")
    ),
    r"benchmarks.training_memory": Run(
        (
            "--presets=sisnet_mobile",
            "--crop_sizes=64",
            "--crops=1",
            "--parts=1",
            "--repeats=1",
        )
    ),
    r"benchmarks.strategies": Run(
        ("--crops=4", "--crop_size=64", "--repeats=1")
    ),
    r"benchmarks.deblurring": Run(
        ("--repeats=1", "--batch=1"),
        replaced=(("FOLDER", "OTHER"), ("VIDEO", "clip.mp4")),
    ),
    r"benchmarks.litert": Run(
        (
            "--weights",
            "sisnet_mobile",
            "--sizes",
            "64x64",
            "--formats",
            "none",
            "--runs=1",
        )
    ),
    r"-X importtime deblur.py --help": Run(),
    r"benchmarks.start": NotHere("minutes of cold starts"),
    r"benchmarks.on_ray": NotHere("as many minutes as there are pictures"),
    r"benchmarks.tiles": NotHere("100 megapixels, and 2 GiB"),
    r"benchmarks.page": NotHere("four minutes of Chromium"),
    r"experiments.all .*--size=tiny": Run(
        ("--only=table1", "--output=runs/experiments/{number}"),
        ("runs/experiments/{number}/table1.md",),
    ),
    r"experiments\.": InTest(
        "tests/experiments/test_runs.py::test_an_ablation_really"
    ),
    r"datasets.prepare gopro": InTest(
        "datasets/prepare_test.py::test_prepares_and_says_where"
    ),
    r"datasets.prepare kohler": InTest(
        "datasets/kohler/kohler_dataset_builder_test.py::"
        "test_blurred_pictures_equal_the_files"
    ),
}
