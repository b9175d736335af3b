import type { Json } from "../../src/json.ts";

/** What the reference daemon answers instead of doing it. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Json;

  constructor(status: number, error: string, more: Json = {}) {
    super(error);
    this.status = status;
    this.body = { error, ...more };
  }
}
