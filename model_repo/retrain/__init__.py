"""The loop closes: `storegate retrain` learns from what happened, and goes live if the newest of it says that it may.

flow.py        read it first: gather, cut, train, compare, decide, train on everything, check, promote
gathering.py   catalogue + past (a file of transactions, or what the live release has learnt) + event log -> Dataset
judging.py     which part of the data is the newest slice, and what two releases answer there
comparing.py   the rule: not worse than what is live, by a margin
card.py        what was done, for people (Markdown) and programs (JSON)
"""
