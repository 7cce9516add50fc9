"""How TensorFlow Serving queues and joins the requests for a SavedModel."""

from sis_keras.errors import UserError

# Where the server looks with --enable_per_model_batching_parameters; a path
# for --batching_parameters_file otherwise.
FILE = "batching_params.pbtxt"
BATCHES = (1, 2, 4, 8, 16, 32, 64)
MOST_OF_A_REQUEST = 8
WAITING = 8  # At least a whole request of single pictures.
MICROSECONDS = 5000

HEAD = """\
# BatchingParameters of TensorFlow Serving, for
#   --enable_batching --batching_parameters_file=THIS_FILE
"""
# On two cores a second thread gains 15 % and takes the memory of another
# picture.
QUEUE = """
# Most pictures of a request; what has more is INVALID_ARGUMENT.
max_batch_size { value: %(request)d }

# Requests are taken apart and joined again, to so many pictures at once.
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: %(batch)d }

# Batches that are restored at the same time; each has memory of its own.
num_batch_threads { value: 1 }

# Batches that wait. A request that no longer fits is UNAVAILABLE (HTTP 503)
# at once.
max_enqueued_batches { value: %(waiting)d }

# How long an incomplete batch waits for more pictures.
batch_timeout_micros { value: %(microseconds)d }
"""
SIZES = """
# Batches are filled up to one of these, by repeating a picture, so that the
# warm-up has met each size.
"""


def check_batch(batch: int) -> None:
    """Makes sure that a batch can be served.

    Raises:
        UserError: It is no power of two from 1 to 64.
    """
    if batch not in BATCHES:
        raise UserError(
            f"Expected a batch of {', '.join(map(str, BATCHES[:-1]))} or "
            f"{BATCHES[-1]}. Received: {batch}."
        )


def executed_sizes(batch: int) -> list[int]:
    """The sizes that the server has batches of: powers of two."""
    return [size for size in BATCHES if size <= batch]


def parameters_text(batch: int = 1) -> str:
    """A BatchingParameters message as text, with what its lines are for.

    With one picture at a time there is nothing to join: the file then makes a
    queue that is not endless, and no request meets another's pictures.

    Args:
        batch: Most pictures to be restored at once, of `BATCHES`.
    """
    request = max(batch, MOST_OF_A_REQUEST)
    text = HEAD + QUEUE % {
        "request": request,
        "batch": batch,
        "waiting": WAITING,
        "microseconds": MICROSECONDS if batch > 1 else 0,
    }
    if batch == 1:
        return text
    # The server wants the last to be max_batch_size.
    lines = [f"allowed_batch_sizes: {x}\n" for x in executed_sizes(request)]
    return text + SIZES + "".join(lines)
