"""``python -m multidigit`` is the same as ``multidigit``."""

from multidigit.cli import main

if __name__ == "__main__":
    main()
