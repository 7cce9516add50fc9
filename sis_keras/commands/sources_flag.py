"""A flag that lists sources, whose paths may have commas."""

import csv

from absl import flags

from sis_keras.commands.empty import RECEIVED
from sis_keras.data.source_text import rejoined

flags.disclaim_key_flags()  # They are the flags of who calls.


class SourcesParser(flags.ListParser):
    """Parts a list at its commas, but for those of paths that are there."""

    def parse(self, argument: str | list[str]) -> list[str]:
        """A flag's text to the texts of its sources."""
        if isinstance(argument, list):
            return argument
        if not argument:
            raise ValueError(f"Expected sources. {RECEIVED}")
        try:
            rows = list(csv.reader([argument], strict=True))
        except csv.Error as error:
            raise ValueError(
                f"Expected sources with commas between. Received: {argument}, "
                f"whose quotes do not match ({error})."
            ) from error
        sources = rejoined(rows[0])
        if not all(sources):
            raise ValueError(f"Expected sources. {RECEIVED}")
        return sources


def define_sources(name: str, default: list[str], help: str) -> None:
    """Declares such a flag, of the module that calls."""
    serializer = flags.CsvListSerializer(",")
    flags.DEFINE(SourcesParser(), name, default, help, serializer=serializer)
