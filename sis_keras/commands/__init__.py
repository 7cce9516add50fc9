"""The programs: flags, messages and exit status."""
