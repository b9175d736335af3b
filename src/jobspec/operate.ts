/** What an operator asks of a running daemon (extensions.md). */
import { type Answer, type Call, json } from "./call.ts";

interface RebuildReport {
  readonly events: number;
  readonly jobs: number;
  readonly ms: number;
}
interface VerifyReport {
  readonly ok: boolean;
  readonly events: number;
  readonly jobs: number;
  readonly differences: readonly unknown[];
  readonly corrupt: readonly unknown[];
}
interface RepairReport {
  readonly moved: readonly {
    readonly line_number: number;
    readonly error: string;
    readonly quarantine_path: string;
  }[];
}

/** Given by the host, which alone knows the store. */
export interface Operations {
  rebuild(): Promise<RebuildReport>;
  verify(): Promise<VerifyReport>;
  repair(): Promise<RepairReport>;
}

export async function rebuild(call: Call): Promise<Answer> {
  return json(200, await call.surface.operate.rebuild());
}

export async function verify(call: Call): Promise<Answer> {
  return json(200, await call.surface.operate.verify());
}

export async function repair(call: Call): Promise<Answer> {
  return json(200, await call.surface.operate.repair());
}
