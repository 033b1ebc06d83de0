"""Scoring many recordings, running a network over a set, and comparing what came of it.

`pairing` finds which files belong together, `mixtures` draws and makes noisy ones, `work` scores one of them in a worker
process. The measures, and the reports about them, are in `winnow.metrics`.
"""
