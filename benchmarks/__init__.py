"""Speed and memory, measured where they run; no test asserts a time."""
