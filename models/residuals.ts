import type { Residuals } from './calibration.ts';
import { tailMean } from './features.ts';
import type { Layer } from './model.ts';
import type { Network, Runtime } from './runtime.ts';
import type { TrainingSet } from './training-set.ts';

/** What a network leaves over at the end of the windows of a history. */
export function residualsOf(
  runtime: Runtime,
  layers: readonly Layer[],
  weights: Float32Array,
  set: TrainingSet,
): Residuals {
  const network = runtime.network(layers, weights);
  try {
    const { count, features, heldOutFrom, inputs, seen, size } = set;
    const made = network.predict(inputs);
    const columns = features.mean.length;
    const values = Float64Array.from({ length: count * columns }, (_, nr) => {
      const end = (Math.floor(nr / columns) + 1) * size;
      const column = nr % columns;
      return tailMean(seen, column, features, end) - tailMean(made, column, features, end);
    });
    const untied = features.mean.map((_, column) => untiedOf(network, set, column));
    return { columns, values, heldOutFrom, untied };
  } finally {
    network.close();
  }
}

/**
 * How little the other signals say of one: it is replaced by its course half a history away, and this is how much of the falsification stays in what the network makes
 * of it. 1 for a signal that goes its own ways, near 0 for one that follows from the others.
 */
function untiedOf(network: Network, { count, features, inputs, size }: TrainingSet, column: number): number {
  const wrong = inputs.slice();
  const shift = Math.floor(count / 2) * size;
  for (let at = column; at < wrong.length; at += features.mean.length)
    wrong[at] = inputs[(at + shift) % inputs.length] ?? 0;
  const made = network.predict(wrong);
  let left = 0;
  let put = 0;
  for (let end = size; end <= inputs.length; end += size) {
    const right = tailMean(inputs, column, features, end);
    left += (tailMean(made, column, features, end) - right) ** 2;
    put += (tailMean(wrong, column, features, end) - right) ** 2;
  }
  return put > 0 ? Math.sqrt(left / put) : 1;
}
