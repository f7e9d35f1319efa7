"""``python -m headrace``: the command of the same name."""

from headrace.cli.main import main

if __name__ == "__main__":
    main()
