/** We are wrong, or the ledger is: the process must stop rather than spread it. */
export class BrokenInvariant extends Error {
  override readonly name = "BrokenInvariant";
}

/** Throws `BrokenInvariant` unless `holds`. Stays on in production. */
export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new BrokenInvariant(message);
}
