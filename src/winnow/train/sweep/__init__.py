"""Search for good settings of any recipe: each trial is a run of `winnow train` in a process of its own."""
