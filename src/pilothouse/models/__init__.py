"""The embedded encoder: fetched once, built once, then texts to vectors without torch and without a network."""

from pilothouse.models.batching import BatchingEncoder
from pilothouse.models.encoder import Encoder, EncoderFiles
from pilothouse.models.store import EncoderStore, ModelRow

__all__ = ["BatchingEncoder", "Encoder", "EncoderFiles", "EncoderStore", "ModelRow"]
