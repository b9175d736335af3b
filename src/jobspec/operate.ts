/** What an operator asks of a running daemon (extensions.md). */
import { type Answer, type Call, json } from "./call.ts";
import { problemBody, problemOfThrown } from "./errors.ts";

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

type OnProgress = (done: number, total: number) => void;

/** Given by the host, which alone knows the store. */
export interface Operations {
  rebuild(onProgress?: OnProgress): Promise<RebuildReport>;
  verify(onProgress?: OnProgress): Promise<VerifyReport>;
  repair(onProgress?: OnProgress): Promise<RepairReport>;
}

/** Progress lines are no closer together than this. */
const PROGRESS_MS = 100;

/**
 * Answers with the operation's report. A caller that accepts `application/x-ndjson` is sent lines
 * while it runs: `{progress: {done, total}}` as it goes, then `{result}` or `{problem}`.
 */
export function operation(verb: keyof Operations): (call: Call) => Promise<Answer> {
  return (call) => {
    const run = (onProgress?: OnProgress): Promise<object> =>
      call.surface.operate[verb](onProgress);
    const wantsLines = (call.request.headers.accept ?? "").includes("application/x-ndjson");
    return wantsLines ? answerInLines(call, run) : run().then((report) => json(200, report));
  };
}

async function answerInLines(
  { response }: Call,
  run: (onProgress: OnProgress) => Promise<object>,
): Promise<Answer> {
  const send = (line: object): void => {
    // A caller that has left or stalled misses lines; the operation goes on without it.
    if (!response.destroyed) response.write(`${JSON.stringify(line)}\n`);
  };
  response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  let saidAt = Number.NEGATIVE_INFINITY;
  const onProgress: OnProgress = (done, total) => {
    const now = performance.now();
    if (now - saidAt < PROGRESS_MS || response.writableNeedDrain) return;
    saidAt = now;
    send({ progress: { done, total } });
  };
  try {
    send({ result: await run(onProgress) });
  } catch (thrown) {
    const problem = problemOfThrown(thrown);
    if (problem === undefined) {
      // A bug of ours: the caller sees a broken answer, and the alarm is raised above.
      response.destroy();
      throw thrown;
    }
    send({ problem: problemBody(problem) });
  }
  response.end();
  return undefined;
}
