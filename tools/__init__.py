"""Model cards, trials, fuzzing: what looks after the project."""
