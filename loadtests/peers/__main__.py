"""`python -m loadtests.peers`."""

from loadtests.peers.cli import peers

if __name__ == "__main__":
    peers(prog_name="python -m loadtests.peers")
