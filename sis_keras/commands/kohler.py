"""Scoring on the Köhler benchmark: the paper's Table 4, of evaluate.py."""

from sis_keras.commands.flags import FLAGS
from sis_keras.commands.opening import of_repository, prepared_builder
from sis_keras.data.source_text import is_benchmark
from sis_keras.errors import UserError
from sis_keras.files.writable import check_folder


def named_benchmark() -> str | None:
    """The benchmark that --test_data names, which is scored alone.

    Raises:
        UserError: Other flags do not go with it.
    """
    named = [text for text in FLAGS.test_data if is_benchmark(text)]
    if not named:
        return None
    if len(FLAGS.test_data) > 1:
        raise UserError(
            "Expected the Köhler benchmark alone, for its scores are others "
            f"than those of pairs. Received: --test_data="
            f"{','.join(FLAGS.test_data)}. Score them one by one."
        )
    if FLAGS.metrics:
        raise UserError(
            "Expected no --metrics with the Köhler benchmark, whose protocol "
            f"fixes them. Received: {','.join(FLAGS.metrics)}."
        )
    if FLAGS.report:
        raise UserError(
            "Expected no --report with the Köhler benchmark, whose tables are "
            f"written beside scores.json. Received: --report={FLAGS.report}."
        )
    return named[0]


def open_named(text: str):
    """The `Benchmark`, all of it or the first --limit pictures."""
    opening = of_repository("datasets.kohler.opening")
    return opening.open_benchmark(text, FLAGS.limit, prepared_builder)


def score(benchmark, restorer, known: dict) -> None:
    """Prints the tables; writes them to a folder named by the protocol."""
    from sis_keras.evaluation.kohler import evaluate_kohler
    from sis_keras.evaluation.kohler_report import text_tables, write_reports

    folder = f"{FLAGS.output or 'runs'}/{benchmark.protocol}"
    if restorer is None:
        folder += "_identity"
    check_folder(folder)
    results = evaluate_kohler(
        restorer, benchmark, protocol=known, repeats=FLAGS.repeats
    )
    print(text_tables(results))
    write_reports(folder, results)
    print(f"\nThe tables are in {folder}/table4.csv, all in scores.json.")
