"""`python -m serving.cli` is `storegate`."""

from serving.cli import main

main()
