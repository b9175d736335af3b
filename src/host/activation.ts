/** `activation.json`: how other programs on this machine find the daemon. Holds no secret. */
import { rmSync } from "node:fs";
import type { Disk } from "../lib/disk.ts";

export interface Activation {
  readonly url: string;
  readonly address: string;
  readonly pid: number;
  readonly ready: boolean;
  readonly started_at: string;
  readonly token_file: string;
  readonly root: string;
  readonly version: string;
}

export function writeActivation(disk: Disk, path: string, activation: Activation): void {
  disk.replace(path, Buffer.from(`${JSON.stringify(activation, undefined, 2)}\n`));
}

export function removeActivation(path: string): void {
  rmSync(path, { force: true });
}
