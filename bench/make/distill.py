"""What a distilled student is trained to match.

Its teacher's embeddings of unlabelled texts (Reimers and Gurevych 2020, arXiv 2004.09813), computed once before training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.cards.candidate import AS_IT_IS, Use
from bench.data.training import TrainingSet
from bench.errors import LayerError, ModelError
from bench.models.embeddings import EmbeddingStore
from bench.models.encoders import Progress, check_spread
from bench.models.loading import load_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A checkpoint that teaches.

    `prompt` is what it wants before each text; None for its own default prompt. `stored` opens the store of its embeddings with a prompt, for one process at
    a time, so that what it tells one student is there for the next.
    """

    folder: Path
    prompt: str | None
    stored: Callable[[str], AbstractContextManager[EmbeddingStore]]
    use: Use = AS_IT_IS


def check_width(name: str, *, student: int, teacher: int) -> None:
    """Refuse a student that has more dimensions than its teacher could fill.

    Raises:
        LayerError: `student` is larger than `teacher`.
    """
    if student > teacher:
        raise LayerError(
            f"{name}: a student must not be wider than its teacher (got {student} dimensions, the teacher has {teacher}); choose a narrower base or a "
            "wider teacher"
        )


def teacher_targets(
    name: str, training: Sequence[TrainingSet], teacher: Teacher, *, width: int, seed: int, device: str, progress: Progress
) -> list[NDArray[np.float32] | None]:
    """The teacher's embeddings of each phase's unlabelled texts, in fp32, projected to the student's width where the teacher is wider.

    All phases share one projection. Every text is embedded once.

    Args:
        name: The student's, for messages.
        training: What each phase trains on.
        teacher: Who embeds.
        width: Dimensions of the student.
        seed: Of the projection.
        device: Where the teacher computes.
        progress: Called with the fraction of texts that are embedded.

    Returns:
        For each phase an array of shape (texts, width), or None where it has no unlabelled texts.

    Raises:
        LayerError: The student is wider than the teacher.
        StorageError: The embeddings cannot be stored.
        ModelError: The teacher cannot be loaded or gives every text the same embedding, or there are too few texts to project on.
    """
    place = {text: number for number, text in enumerate(dict.fromkeys(text for rows in training for text in rows.unlabelled))}
    encoder = load_encoder(teacher.folder, prompt=teacher.prompt, device=device, progress=progress, use=teacher.use)
    check_width(name, student=width, teacher=encoder.encode([next(iter(place))]).shape[1])
    with teacher.stored(encoder.prompt) as store:
        store.add(place, encoder)
        taught = store.lookup(place)
    check_spread(taught, f"teacher of {name}")
    vectors = _project(taught, width, seed=seed)
    return [vectors[[place[text] for text in rows.unlabelled]] if rows.unlabelled else None for rows in training]


def _project(vectors: NDArray[np.float32], width: int, *, seed: int) -> NDArray[np.float32]:
    """Embeddings on their first `width` principal components, not centred, as in the model distillation guide of sentence-transformers.

    Shape (texts, width).
    """
    from sklearn.decomposition import PCA

    if vectors.shape[1] == width:
        return vectors
    if len(vectors) < width:
        raise ModelError(f"a teacher of {vectors.shape[1]} dimensions can be projected to {width} on at least as many unlabelled texts (got {len(vectors)})")
    components = PCA(n_components=width, random_state=seed).fit(vectors).components_
    return np.asarray(vectors @ components.T, dtype=np.float32)
