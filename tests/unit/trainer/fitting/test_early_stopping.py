"""When training stops."""

from __future__ import annotations

from trainer.fitting.early_stopping import EarlyStopping


def _follow(losses: list[float], standard_error: float, patience: int = 3) -> EarlyStopping:
    watch = EarlyStopping(patience)
    for epoch, loss in enumerate(losses, 1):
        watch.see(epoch, loss, standard_error)
        if watch.stop:
            break
    return watch


def test_stops_after_worse_epochs() -> None:
    """With a certain loss the least one is found, and training stops when patience runs out."""
    watch = _follow([3, 2, 1, 1.5, 1.6, 1.7, 0.1], 0.0)
    assert watch.stop
    assert watch.found == 3
    assert watch.reason == "no better for 3 epochs; 3 of 6 epochs kept, least validation loss 1.0000"


def test_a_flat_loss_goes_on() -> None:
    """Losses within one standard error of the least count as no worse."""
    watch = _follow([3, 1, 1.05, 1.09, 1.02, 1.08, 1.05], 0.1)
    assert not watch.stop
    assert watch.found == 7


def test_a_loss_that_is_no_number_is_never_kept() -> None:
    """An epoch whose loss is not a number is worse than any."""
    assert _follow([1, float("nan"), float("nan")], 0.1).found == 1
