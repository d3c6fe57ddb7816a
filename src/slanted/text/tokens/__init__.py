"""Texts to token ids, exactly as the checkpoint's own tokenizer gives them."""
