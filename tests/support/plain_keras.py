"""Plain Keras optimizers and their variables, and what a test says when Keras has changed one of its private names."""

import keras


def changed(name, meant):
    return f"Keras changed {name}: slanted needs that {meant}"


def variables():
    return [keras.Variable([1.0, 2.0], name="first"), keras.Variable([3.0], name="second")]


def gradients():
    return [keras.ops.convert_to_tensor([1.0, 1.0]), keras.ops.convert_to_tensor([1.0])]


def applied_to(optimizer, times=1):
    """Apply gradients of ones and return the variables."""
    trained = variables()
    optimizer.build(trained)
    for _ in range(times):
        optimizer.apply(gradients(), trained)
    return trained


def spied(optimizer, name):
    """Give `optimizer` a class that notes the arguments of its method `name`, and return the notes."""
    notes, plain = [], getattr(type(optimizer), name)

    def noting(self, *arguments, **settings):
        notes.append(arguments)
        return plain(self, *arguments, **settings)

    optimizer.__class__ = type("Spied", (type(optimizer),), {name: noting})
    return notes
