"""`python -m loadtests.soak`."""

from loadtests.soak.cli import soak

if __name__ == "__main__":
    soak(prog_name="python -m loadtests.soak")
