"""``python -m makeweight``: the command line, for those that start it from a program."""

from makeweight.cli.main import main

if __name__ == "__main__":  # and not in the processes that its workers spawn
    main()
