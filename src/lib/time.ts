/** Milliseconds since the Unix epoch, as read from a wall clock. */
export type EpochMs = number;

/** RFC 3339 UTC text for an instant. Pure: the instant arrives as an argument. */
export function toIso(at: EpochMs): string {
  return new Date(at).toISOString();
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** The instant of an RFC 3339 text, or `undefined` when the text is not one. */
export function fromIso(text: string): EpochMs | undefined {
  if (!RFC3339.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
