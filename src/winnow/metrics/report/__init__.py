"""Reports: what was measured, kept as JSON (`results`), put as tables (`tables`), and as one page (`page`).

Nothing here runs a network or knows where the numbers come from.
"""
