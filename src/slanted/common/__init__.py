"""What knows nothing of Keras or of the domain: argument checks, strict JSON, messages, files, plots."""
