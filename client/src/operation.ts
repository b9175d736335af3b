import { KeelsonError } from "./error.ts";
import type { Transport } from "./transport.ts";

interface OperationCall {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** One line of an operation under way. */
interface Line<T> {
  readonly progress?: { readonly done: number; readonly total: number };
  readonly result?: T;
  readonly problem?: { readonly error: string; readonly code: string; readonly fix?: string };
}

/** Asks the daemon for a long piece of work, and reads lines about it until it is done. */
export async function runOperation<T>(
  transport: Transport,
  path: string,
  call: OperationCall = {},
): Promise<T> {
  const response = await transport.open({
    method: "POST",
    path,
    body: {},
    headers: { accept: "application/x-ndjson, application/json" },
    repeat: "never",
    signal: call.signal,
  });
  // A daemon that does not know the lines answers once, at the end.
  const inLines = (response.headers.get("content-type") ?? "").includes("ndjson");
  if (!inLines) return (await response.json()) as T;
  for await (const text of linesOf(response)) {
    const { progress, result, problem } = JSON.parse(text) as Line<T>;
    if (progress !== undefined) call.onProgress?.(progress.done, progress.total);
    if (result !== undefined) return result;
    if (problem !== undefined) throw new KeelsonError(problem.error, { status: 200, ...problem });
  }
  throw new KeelsonError("the answer broke off before the work was done", {
    status: 0,
    code: "unreachable",
  });
}

async function* linesOf(response: Response): AsyncGenerator<string, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
