/**
 * The projections database of a simulated daemon: in memory, or a real file that outlives crashes,
 * now and then gone, older than the ledger or damaged when the next boot opens it.
 */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IN_MEMORY } from "../../src/storage/embedded/build.ts";
import type { Seeded } from "../support/seeded.ts";

export class SurvivingDatabase {
  readonly #random: Seeded;
  readonly #dir: string | undefined;
  #generation = 0;

  constructor(random: Seeded, onDisk: boolean) {
    this.#random = random;
    this.#dir = onDisk ? mkdtempSync(join(tmpdir(), "keelson-sim-")) : undefined;
  }

  get path(): string {
    return this.#dir === undefined ? IN_MEMORY : this.#fileOf(this.#generation);
  }

  /** A copy for the next boot: the connection of the dead process still has the old file. */
  crash(): void {
    if (this.#dir === undefined) return;
    const before = this.#fileOf(this.#generation);
    this.#generation += 1;
    const fate = this.#random.int(20);
    if (fate === 0) return;
    if (fate === 1) {
      const older = this.#fileOf(this.#random.int(this.#generation));
      if (existsSync(older)) copyFileSync(older, this.path);
      return;
    }
    if (existsSync(before)) copyFileSync(before, this.path);
    if (fate > 2 && existsSync(`${before}-wal`)) {
      copyFileSync(`${before}-wal`, `${this.path}-wal`);
    }
    if (fate === 3 && existsSync(this.path)) truncateSync(this.path, this.#random.int(20_000));
    if (fate === 4) writeFileSync(this.path, Buffer.alloc(5000, "not a database "));
  }

  remove(): void {
    if (this.#dir !== undefined) rmSync(this.#dir, { recursive: true, force: true });
  }

  #fileOf(generation: number): string {
    return join(this.#dir ?? "", `${generation}.db`);
  }
}
