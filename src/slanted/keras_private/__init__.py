"""All uses of private Keras names, in one folder.

    optimizer_state       the optimizer variables that Keras does not have: run and layer groups
    plain_optimizer       what a scheduled optimizer shares with a plain one: class, saved form, rate in a variable
    scheduled             an optimizer whose learning rate is a curve
    training_step         the batch that a training step trains on
    saved_classes         the names of slanted's classes in saved files
    group_membership      the layer group of each variable
    grouped               a scheduled optimizer with a rate, an update counter and a gate for every layer group
    optimizer_copy        a copy of an optimizer, with its own variables
    loss_scaling          a scheduled optimizer inside a LossScaleOptimizer
    update_hooks          the update step, the clipping and the moments of an optimizer
    layers_and_trainers   layers, trainers, random numbers

`epochs_as_long_as_their_data` patches Keras for the process while its context is open, because Keras reads the length
of a dataset once, before the first epoch. `loss_scaling` patches how Keras saves and loads a LossScaleOptimizer. All
other patches are in `slanted.runtime.patches`.

Each private name used here has a test in tests/keras_private that fails when Keras changes it.
"""
