"""A stand-in for the network: half of the signal is speech, half background, and all comes out 100 samples late.

The tests of files and of the command line are about what happens around the network, so they need no trained one.
Run as a program it is the command `winnow` with this stand-in, in its worker processes too (they import it again).
A recording whose first sample is DEADLY kills the process, as a lack of memory would. HALVES_DELAY (environment) is
slept at each block, so that a run can be stopped in the middle.
"""

import os
import signal
import time

import numpy as np

import winnow.engine.run

LAG = 100
DEADLY = -0.75


class Halves:
    """The interface of `winnow.engine.run.Separation`."""

    stems = ("speech", "background")
    model = "halves"

    def __init__(self, rate, channels, settings):
        self.waiting = np.zeros((channels, 0), np.float32)
        self.begun = False

    def watch(self, tell):
        """Nothing takes long here."""

    def feed(self, block):
        if not self.begun and block.size and abs(block[0, 0] - DEADLY) < 1e-3:
            os.kill(os.getpid(), signal.SIGKILL)
        self.begun = True
        time.sleep(float(os.environ.get("HALVES_DELAY", "0")))
        joined = np.concatenate([self.waiting, block], axis=1)
        ready = max(joined.shape[1] - LAG, 0)
        self.waiting = joined[:, ready:]
        return self._halve(joined[:, :ready])

    def flush(self):
        return self._halve(self.waiting)

    @staticmethod
    def _halve(samples):
        return {"speech": samples * np.float32(0.5), "background": samples - samples * np.float32(0.5)}


if __name__ in ("__main__", "__mp_main__"):
    winnow.engine.run.Separation = Halves

if __name__ == "__main__":
    from winnow.cli import main

    main()
