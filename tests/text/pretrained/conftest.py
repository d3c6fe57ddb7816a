"""What tests of pretrained models share: the folder of a tiny BERT."""

import pytest
from tiny_models import write_bert


@pytest.fixture
def tiny(tmp_path):
    """The folder of a BERT of two layers, as transformers saves one."""
    return write_bert(tmp_path / "bert")
