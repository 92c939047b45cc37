"""Call a function of a module: MODULE FUNCTION NUMBER WORD..."""

import importlib
import sys

if __name__ == "__main__":
    module, function, number, *words = sys.argv[1:]
    getattr(importlib.import_module(module), function)(int(number), *words)
