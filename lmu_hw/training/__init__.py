"""Training of LMU networks: gradients by JAX, optimisers by optax (both come with the extra `train`).

A network is described by layers, which hold sizes and choices but no numbers. Its parameters are a list of dictionaries
of arrays, one for each layer, with the names and shapes of the arrays in `lmu_hw.networks.model`:

    model = Model(
        inputs=1,
        layers=(
            LMULayer(LMUSpec(order=256, theta=784.0, dt=1.0), hidden=212),
            DenseLayer(10),
        ),
        output=Output.LAST,                      # or Output.SEQUENCE: an output for each step
    )
    params = model.init(seed=0)                  # or a JAX key; the paper's initial values, free to be changed
    y = model.apply(params, x)                   # x (batch, T, inputs) → (batch, 10), or (batch, T, 10)
    network = model.network(params)              # → lmu_hw.networks.model.Network; save_network(path, network)
    model, params = Model.of(network)            # and back

Layers: `LMULayer`, `LinearMemoryLayer` (no feedback into the memory, computed for all steps at once), `LSTMLayer` and
`DenseLayer`. They are stacked in any order; the paper's hybrid is LMU and LSTM layers in turn. `learn_theta=True`
learns the window θ of a layer through its discretisation; the parameter is `log_ratio` = log(θ/dt). `without` leaves
connections out, `frozen` keeps arrays at their initial values.

    result = fit(
        model,
        train=Dataset(x, y),                     # NumPy arrays of any dtype, sequences along the first axis
        validation=Dataset(x_validation, y_validation),
        loss=cross_entropy(),                    # (outputs, targets) → scalar
        metric=ACCURACY,                         # or ERROR, NRMSE or an own Metric; the best on `validation` is kept
        recipe=Recipe(epochs=10, batch=100, learning_rate=1e-3, seed=0),
        prepare=None,                            # (raw x of a batch, key or None) → x in floats; traced by JAX
        checkpoint=Path("run.checkpoint.npz"),   # resumed from where it exists
    )
    result.params, result.value, result.history  # the best parameters on the validation split

`evaluate(model, params, dataset, metric, prepare=...)` computes a metric on another dataset; `hold_out` splits one.
What varies at random in training, such as deformed images or noise on the input, is drawn by `prepare` from its key.
Recurrent layers run in blocks of steps where that is faster, see `lmu_hw.training.recurrent`.

Quantisation-aware training: a layer's `quantization=LayerQuantization(weight_bits, memory_plan, output_format)` makes
its forward values those of the integer model, with the gradient of the float layer; see `lmu_hw.training.quantization`.

Everything is float32 unless `Model(dtype="float64")`. Importing a module of this package switches JAX to 64-bit numbers
for the process: arrays have the precision that they are given, and θ is differentiated in float64.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
