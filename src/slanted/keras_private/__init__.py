"""All that slanted needs of Keras beyond its public names, in one folder.

    run_state.py    what an optimizer keeps of its run beside Keras's own variables
    scheduled.py    an optimizer whose rate is a curve
    grouped.py      the same with a rate, a counter and a gate for every layer group
    wrapped.py      the same within a loss-scaling optimizer
    steps.py        single steps of an optimizer
    models.py       layers, trainers, random numbers

Each private name used here has a test in tests/test_keras_private.py that fails when Keras changes it.
"""
