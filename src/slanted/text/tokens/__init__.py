"""Texts to token ids, exactly as the tokenizer of the checkpoint does it."""
