/**
 * Cuts secrets out of a stream of bytes, also those that arrive in two pieces. Only as much is held
 * back as may turn out to be the beginning of a secret.
 */
const REPLACEMENT: Buffer = Buffer.from("[redacted]");
/** Shorter values would be found in ordinary words. */
const SECRET_BYTES_MIN = 8;

export class StreamRedactor {
  /** As they are, and as they stand inside a JSON string. Longest first. */
  readonly #secrets: readonly Buffer[];
  readonly #longest: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(secrets: readonly string[]) {
    const forms = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
    this.#secrets = [...new Set(forms)]
      .map((form) => Buffer.from(form))
      .filter((form) => form.length >= SECRET_BYTES_MIN)
      .sort((left, right) => right.length - left.length);
    this.#longest = this.#secrets[0]?.length ?? 0;
  }

  /** What can be shown now. */
  push(piece: Uint8Array): Buffer {
    return this.#take(piece, false);
  }

  /** The rest: no more will come. */
  end(): Buffer {
    return this.#take(new Uint8Array(), true);
  }

  #take(piece: Uint8Array, isLast: boolean): Buffer {
    const bytes = this.#held.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#held, piece]);
    this.#held = Buffer.alloc(0);
    const shown: Buffer[] = [];
    for (let from = 0; ; ) {
      const match = this.#firstMatch(bytes, from);
      const open = isLast ? bytes.length : this.#openFrom(bytes, from);
      if (match === undefined || open <= match.at) {
        shown.push(bytes.subarray(from, open));
        this.#held = bytes.subarray(open);
        return shown.length === 1 && shown[0] !== undefined ? shown[0] : Buffer.concat(shown);
      }
      shown.push(bytes.subarray(from, match.at), REPLACEMENT);
      from = match.at + match.length;
    }
  }

  /** The first secret at or after `from`; of two at one place the longer. */
  #firstMatch(bytes: Buffer, from: number): { at: number; length: number } | undefined {
    let first: { at: number; length: number } | undefined;
    for (const secret of this.#secrets) {
      const at = bytes.indexOf(secret, from);
      if (at >= 0 && (first === undefined || at < first.at)) first = { at, length: secret.length };
    }
    return first;
  }

  /** Where the tail begins that may be the beginning of a secret. */
  #openFrom(bytes: Buffer, from: number): number {
    for (let at = Math.max(from, bytes.length - this.#longest + 1); at < bytes.length; at += 1) {
      const tail = bytes.subarray(at);
      const isOpen = this.#secrets.some(
        (secret) => secret.length > tail.length && secret.subarray(0, tail.length).equals(tail),
      );
      if (isOpen) return at;
    }
    return bytes.length;
  }
}
