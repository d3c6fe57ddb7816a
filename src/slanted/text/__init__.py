"""From rows of text to a fine-tuned model."""
