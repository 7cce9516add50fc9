"""Makes the LiteRT file of released weights, for use without TensorFlow:

    python -m sis_keras.commands.release_litert

Releasing the default weights does so, too.
"""

import json

from absl import flags

from sis_keras.commands.flags import FLAGS
from sis_keras.commands.start import start
from sis_keras.restoring.restorer import import_tensorflow_for
from sis_keras.weights.released import DEFAULT_WEIGHTS

flags.DEFINE_string("name", DEFAULT_WEIGHTS, "Of the released weights.")


def main():
    import_tensorflow_for(FLAGS.name)
    from sis_keras.export.litert.release import release_litert

    print(json.dumps(release_litert(FLAGS.name), indent=2))


def run() -> None:
    """The whole program."""
    start(main, __doc__, ())


if __name__ == "__main__":
    run()
