"""One file a command of `slanted`: wires data, training, report and what is printed."""
