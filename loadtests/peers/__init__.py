"""`python -m loadtests.peers`: one pipeline behind our engine and front on Ray, and behind other servers."""
