"""`python -m loadtests.batch`."""

from loadtests.batch.cli import batch

if __name__ == "__main__":
    batch(prog_name="python -m loadtests.batch")
