"""Batches of texts of similar length. Imports sentence-transformers, so it is imported where training starts and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from sentence_transformers import DefaultBatchSampler


class LengthGroupedSampler(DefaultBatchSampler):
    """A batch sampler whose batches hold rows of similar length, in random order, since much of a mixed batch of short sentences is padding.

    For a loss that looks at one row at a time only, so never for in-batch negatives. A row is as long as its longest text.
    """

    def __iter__(self) -> Iterator[list[int]]:
        self.generator.manual_seed(self.seed + self.epoch)
        data = self.sampler  # what torch calls the sampler is the data set
        texts = [data[name][:] for name in data.column_names if name not in {"score", "label"}]
        lengths = torch.tensor([max(map(len, row)) for row in zip(*texts, strict=True)])
        noise = 1 + 0.1 * torch.rand(len(lengths), generator=self.generator)
        batches = torch.split(torch.argsort(lengths * noise), self.batch_size)
        for index in torch.randperm(len(batches), generator=self.generator).tolist():
            yield batches[index].tolist()

    def __len__(self) -> int:
        return math.ceil(len(self.sampler) / int(self.batch_size))
