"""The paper's experiments (section IV), each a command."""
