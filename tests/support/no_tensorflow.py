"""Import it first: from then on `import tensorflow` fails."""

import importlib.abc
import sys


class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"{name} is blocked")


sys.meta_path.insert(0, Blocker())
