"""What holds for all tests."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def small_numbers_stay() -> Iterator[None]:
    """Training makes the processor take numbers too small to matter for zero; the tests that follow shall not see that."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_flush_denormal"):
        torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def no_line_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy a command may take as long as logs wait for a line of progress."""
    monkeypatch.setattr("winnow.cli.progress.EVERY", float("inf"))
