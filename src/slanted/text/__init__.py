"""Fine-tune text models on files or lists of texts and labels."""
