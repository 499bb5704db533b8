from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from trainer.metrics import Scores, Tally


def test_batches_of_any_size_add_up_to_the_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(37, 5, generator=generator), torch.randint(0, 5, (37,), generator=generator)
    tally = Tally(torch.device("cpu"))
    for part in (slice(0, 8), slice(8, 9), slice(9, 37)):
        tally.add(F.cross_entropy(scores[part], labels[part]), scores[part], labels[part])
    found = tally.scores()
    assert found.loss == pytest.approx(F.cross_entropy(scores, labels).item(), rel=1e-6)
    assert found.accuracy == pytest.approx(100 * (scores.argmax(1) == labels).float().mean().item(), rel=1e-6)
    assert found.images == 37


def test_nothing_added_is_zero() -> None:
    assert Tally(torch.device("cpu")).scores() == Scores(0.0, 0.0, 0)


def test_a_tally_goes_on_where_it_was() -> None:
    scores, labels = torch.eye(3), torch.tensor([0, 1, 1])
    first, second = Tally(torch.device("cpu")), Tally(torch.device("cpu"))
    first.add(torch.tensor(0.1), scores, labels)
    second.load(first.sums)
    for tally in (first, second):
        tally.add(torch.tensor(0.7), scores, labels)
    assert first.scores() == second.scores()
    assert second.scores().accuracy == pytest.approx(100 * 4 / 6)
