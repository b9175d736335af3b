/**
 * Counts by a few words. Adding one is far cheaper than telling a labelled counter, and happens on
 * every request; the counter is told of all of them at once when somebody reads it.
 */
export class Tally {
  #counts = new Map<string, number>();

  add(words: readonly string[], count = 1): void {
    const key = words.join("\n");
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** Gives what has come together since the last time. */
  drain(take: (words: readonly string[], count: number) => void): void {
    const counts = this.#counts;
    this.#counts = new Map();
    for (const [key, count] of counts) take(key.split("\n"), count);
  }
}
