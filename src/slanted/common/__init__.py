"""Code that depends neither on Keras nor on the domain: argument checks, strict JSON, messages, files, plots."""
