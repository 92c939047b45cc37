"""Adapters in the encoder: what is trained, and the weights with them merged in."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModel, XLMRobertaConfig, XLMRobertaModel

from arkiv.base.errors import InputError
from arkiv.train.lora import add_adapters, merged_state
from arkiv.train.settings import Lora

LORA = Lora(rank=4, alpha=8, dropout=0.5, targets=("query", "value", "dense"))


@pytest.fixture
def encoder() -> XLMRobertaModel:
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return XLMRobertaModel(config, add_pooling_layer=False).eval()


def test_only_adapters_are_trained_and_they_begin_as_nothing(encoder):
    ids = torch.randint(5, 60, (2, 9))
    before = encoder(ids).last_hidden_state
    add_adapters(encoder, LORA)
    assert torch.equal(encoder(ids).last_hidden_state, before)
    trained = {n for n, p in encoder.named_parameters() if p.requires_grad}
    assert trained
    assert all(".lora_" in name for name in trained)
    # Query, value and three dense layers, two matrices each, in two layers.
    assert len(trained) == 5 * 2 * 2


def test_merged_weights_are_a_plain_encoder_of_the_same_output(encoder, tmp_path):
    names = encoder.state_dict().keys()
    ids = torch.randint(5, 60, (2, 9))
    add_adapters(encoder, LORA)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    encoder.eval()  # adapters come in training mode
    trained = {name: value.clone() for name, value in encoder.state_dict().items()}
    state = merged_state(encoder)
    assert state.keys() == names
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, trained[name])
    encoder.save_pretrained(tmp_path, state_dict=state)
    plain = AutoModel.from_pretrained(tmp_path, add_pooling_layer=False).eval()
    assert torch.allclose(
        plain(ids).last_hidden_state, encoder(ids).last_hidden_state, atol=1e-5
    )


def test_an_encoder_without_adapters_is_merged_as_it_is(encoder):
    state = merged_state(encoder)
    assert state.keys() == encoder.state_dict().keys()
    for name, value in encoder.state_dict().items():
        assert state[name].data_ptr() == value.data_ptr()


def test_layers_that_are_not_there_are_named(encoder):
    with pytest.raises(InputError, match="names q_proj, but the encoder has no such"):
        add_adapters(encoder, Lora(4, 8, 0.1, ("q_proj",)))
