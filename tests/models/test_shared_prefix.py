"""Many pruned forms in one pass: each the same, bit for bit, as alone."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import LayerError, ModelError
from bench.models.architectures import SUPPORTED, check_kept, read_config
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers
from bench.models.shared_prefix import SharedPrefixEncoder
from tests.conftest import WORDS_HI, WORDS_MR, sentences
from tests.models.test_architectures import make_base

TEXTS = [*sentences(WORDS_MR, 30), *sentences(WORDS_HI, 30)]


def alone(folder, kept, **options):
    model = load_sentence_model(folder, **options)
    keep_layers(model[0].auto_model, kept)
    return SentenceEncoder(model).encode(TEXTS)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize(
    ("lists", "passes"),
    [
        ([[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]], 4),
        ([[0, 2], [0, 2, 3], [1, 3]], 5),
        ([[3], [0, 1, 3], [0, 3], [0, 1]], 5),
        ([[1, 2], [1, 2]], 2),
    ],
)
def test_each_form_has_the_bits_that_it_has_alone_and_every_node_of_the_trie_is_computed_once(tiny_base, pooling, lists, passes):
    encoder = SharedPrefixEncoder(load_sentence_model(tiny_base, pooling=pooling), lists)
    found = encoder.encode(TEXTS)
    assert encoder.layer_passes == passes
    assert set(found) == {tuple(one) for one in lists}
    for kept, vectors in found.items():
        assert np.array_equal(vectors, alone(tiny_base, kept, pooling=pooling)), kept


def keepable(config, kept):
    try:
        check_kept(config, kept)
    except LayerError:
        return False
    return True


@pytest.mark.parametrize("kind", sorted(SUPPORTED))
def test_forms_of_every_architecture_have_the_bits_that_they_have_alone(kind, tiny_base, tmp_path):
    base = make_base(tmp_path / kind, kind, tiny_base)
    lists = [kept for kept in ([0], [0, 1], [0, 2, 3], [0, 2], [1, 3], [2]) if keepable(read_config(base), kept)]
    found = SharedPrefixEncoder(load_sentence_model(base), lists).encode(TEXTS)
    for kept, vectors in found.items():
        assert np.array_equal(vectors, alone(base, kept)), kept


@pytest.mark.slow
def test_a_sentence_model_that_normalises_is_the_same_as_alone(minilm):
    found = SharedPrefixEncoder(load_sentence_model(minilm), [[0, 1], [0, 4]]).encode(TEXTS)
    for kept, vectors in found.items():
        assert np.array_equal(vectors, alone(minilm, kept)), kept
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_model_itself_keeps_its_layers_and_its_embeddings(tiny_base):
    model = load_sentence_model(tiny_base)
    before = SentenceEncoder(model).encode(TEXTS)
    SharedPrefixEncoder(model, [[0], [1, 3]]).encode(TEXTS)
    assert model[0].auto_model.config.num_hidden_layers == 4
    assert np.array_equal(SentenceEncoder(model).encode(TEXTS), before)


def test_forms_share_the_weights_of_the_model(tiny_base):
    model = load_sentence_model(tiny_base)
    owned = {parameter.data_ptr() for parameter in model.parameters()}
    encoder = SharedPrefixEncoder(model, [[0, 2], [3]])
    assert {parameter.data_ptr() for form in encoder.forms.values() for parameter in form.parameters()} <= owned


def test_a_prompt_is_put_before_every_text(tiny_base):
    model = load_sentence_model(tiny_base)
    prompted = SharedPrefixEncoder(model, [[0, 1]], prompt="आज ").encode(TEXTS)[0, 1]
    assert np.array_equal(prompted, SharedPrefixEncoder(model, [[0, 1]]).encode([f"आज {text}" for text in TEXTS])[0, 1])


def test_a_layer_that_the_model_does_not_have_is_refused(tiny_base):
    with pytest.raises(ModelError, match=r"between 0 and 3 \(got \[0, 4\]\)"):
        SharedPrefixEncoder(load_sentence_model(tiny_base), [[0, 4]])
