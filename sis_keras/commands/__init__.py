"""The programs: flags, messages and exit status."""

from sis_keras.commands import foundations

# Before a program's own imports, each of which may fail.
foundations.check_python()
foundations.say_what_is_missing()
