"""`python -m winnow`: the command line."""

from winnow.cli import main

if __name__ == "__main__":
    main()
