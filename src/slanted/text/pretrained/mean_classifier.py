"""A classifier whose head reads the mean of the tokens, of layers of Keras and a KerasHub backbone alone."""

from typing import Any

import keras

from slanted.text.settings import MEAN


def mean_of_tokens(backbone: Any) -> Any:
    """Return the symbolic mean of the vectors of all tokens but padding, scaled to length 1, (texts, hidden size)."""
    outputs, mask = backbone(backbone.input), backbone.input["padding_mask"]
    tokens = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    mean = keras.layers.GlobalAveragePooling1D(dtype="float32", name="mean_of_tokens")(tokens, mask=mask)
    return keras.layers.UnitNormalization(dtype="float32", name="unit_length")(mean)


class MeanClassifier(keras.Model):
    """A dropout and a linear layer on the mean of the tokens, as sentence encoders are trained.

    The pooler of the backbone, if there is one, computes nothing that is used, and is not trained.

    Args:
        backbone: The KerasHub backbone.
        num_outputs: The number of outputs.
        dropout: The dropout rate of the mean.

    Attributes:
        pooling: "mean".
        backbone: The backbone.
        output_dense: The linear layer.
        num_classes: The number of outputs.
        dropout: The dropout rate of the mean.
    """

    def __init__(self, backbone: Any, num_outputs: int, dropout: float) -> None:
        vector = mean_of_tokens(backbone)
        dense = keras.layers.Dense(num_outputs, dtype="float32", name="logits")
        outputs = dense(keras.layers.Dropout(dropout, dtype="float32", name="classifier_dropout")(vector))
        super().__init__(backbone.input, outputs, name="mean_classifier")
        if hasattr(backbone, "pooled_dense"):
            backbone.pooled_dense.trainable = False
        self.pooling, self.backbone, self.output_dense = MEAN, backbone, dense
        self.num_classes, self.dropout = num_outputs, dropout
