"""All that slanted needs of Keras beyond its public names, in one folder.

    optimizer_state       what an optimizer keeps of its run beside Keras's own variables
    scheduled             an optimizer whose rate is a curve
    group_membership      which layer group each of its variables is in
    grouped               the same optimizer with a rate, a counter and a gate for every layer group
    loss_scaling          the same within a loss-scaling optimizer
    update_hooks          single steps of an optimizer, called or replaced
    layers_and_trainers   layers, trainers, random numbers

One of its functions changes Keras for the whole process while it is in force, `epochs_as_long_as_their_data`: Keras
asks a dataset for its length once, before the first epoch. The other such patches stand in `slanted.runtime.patches`.

Each private name used here has a test in tests/keras_private that fails when Keras changes it.
"""
