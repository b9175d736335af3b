/**
 * Runs a fast-check property so that a failure says how to see it again: `FC_SEED` and `FC_PATH`
 * replay exactly the failing case, `FC_RUNS` multiplies the budget for a longer search.
 */
import fc from "fast-check";

interface Budget {
  readonly runs: number;
}

/** Throws fast-check's report and the line that replays it when the property does not hold. */
export function holds<T>(property: fc.IProperty<T>, { runs }: Budget): void {
  report(fc.check(property, parameters<T>(runs)));
}

/** The same for a property that waits. */
export async function holdsAsync<T>(property: fc.IAsyncProperty<T>, budget: Budget): Promise<void> {
  report(await fc.check(property, parameters<T>(budget.runs)));
}

function parameters<T>(runs: number): fc.Parameters<T> {
  const seed = process.env["FC_SEED"];
  const path = process.env["FC_PATH"];
  return {
    numRuns: runs * Number(process.env["FC_RUNS"] ?? 1),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  };
}

function report<T>(details: fc.RunDetails<T>): void {
  if (!details.failed) return;
  const { seed, counterexamplePath: path } = details;
  const replay = `FC_SEED=${seed} FC_PATH=${path} npx vitest run <this file> -t "<this test>"`;
  const message = `${fc.defaultReportMessage(details)}\n\nReplay exactly this case with:\n  ${replay}`;
  throw new Error(message, { cause: details.errorInstance });
}
