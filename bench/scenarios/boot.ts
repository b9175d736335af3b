/** Start of a daemon on a long ledger: from its checkpoint, and with everything folded anew. */
import { rmSync } from "node:fs";
import { layoutOf } from "../../src/storage/embedded/layout.ts";
import { type LedgerShape, writeLedger } from "../ledger.ts";
import type { Row } from "../report.ts";
import type { Effort, Scenario } from "../scenario.ts";
import { inFolder, startServer } from "../server.ts";
import { median } from "../statistics.ts";

const SHAPES = [
  { mix: "mixed", form: "rotated" },
  { mix: "accepted", form: "rotated" },
  { mix: "mixed", form: "plain" },
  { mix: "accepted", form: "plain" },
] as const;
const ROUNDS_MAX = 3;

export const boot: Scenario = {
  name: "boot",
  about: "boot from a checkpoint and full rebuild at 1M ledger lines",
  async run(effort) {
    const lines = effort.quick ? 50_000 : 1_000_000;
    const empty = await emptyStart();
    const rows: Row[] = [];
    for (const shape of SHAPES) rows.push(await measureShape({ ...shape, lines }, empty, effort));
    return [
      {
        scenario: "boot",
        title: `start on ${lines.toLocaleString("en")} lines (an empty one: ${Math.round(empty)} ms)`,
        goal: "boot at most 2,000 ms; rebuild at least 150,000 lines/s",
        rows,
      },
    ];
  },
};

/** What starting costs on an empty ledger. */
function emptyStart(): Promise<number> {
  return inFolder(async (dir) => {
    const starts: number[] = [];
    for (let i = 0; i < ROUNDS_MAX; i += 1) {
      const server = await startServer("daemon", dir);
      await server.stop();
      starts.push(server.readyMs);
    }
    return median(starts);
  });
}

function measureShape(shape: LedgerShape, empty: number, effort: Effort): Promise<Row> {
  return inFolder(async (dir) => {
    await writeLedger(dir, shape);
    const rebuilds: number[] = [];
    const boots: number[] = [];
    let peakMb = 0;
    for (let round = 0; round < Math.min(ROUNDS_MAX, effort.rounds); round += 1) {
      for (const suffix of ["", "-wal", "-shm"]) {
        rmSync(layoutOf(dir).database + suffix, { force: true });
      }
      for (const readyMs of [rebuilds, boots]) {
        const server = await startServer("daemon", dir);
        readyMs.push(server.readyMs);
        peakMb = Math.max(peakMb, server.child.peakResidentBytes() / 2 ** 20);
        await server.stop();
      }
    }
    const rebuildMs = median(rebuilds);
    return {
      ledger: `${shape.mix}, ${shape.form}`,
      "boot ms": median(boots),
      "rebuild ms": rebuildMs,
      "rebuild lines/s": shape.lines / ((rebuildMs - empty) / 1000),
      "peak MB": peakMb,
    };
  });
}
