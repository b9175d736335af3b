/**
 * What a child says, on its way into the transcript: secrets cut out, the last part remembered for
 * the failure message, and the session id picked up when the agent names it.
 */
import { isJsonObject } from "../lib/json.ts";
import type { OutputName } from "./child.ts";
import { StreamRedactor } from "./redaction.ts";
import type { Transcript } from "./transcript.ts";

/** How much of the end is looked at to say why an agent failed. */
const TAIL_CHARS_MAX = 16 * 1024;
/** Lines in a failure message, and characters of them. */
const LAST_LINES_MAX = 12;
const LAST_CHARS_MAX = 1500;
/** A longer line is not searched for a session id. */
const LINE_CHARS_MAX = 1024 * 1024;

/** Looks harmless in a command line, an environment and a file name. */
const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;
/** Names under which agents print it in JSON lines: Claude Code, Codex, others. */
const SESSION_KEYS = ["session_id", "sessionId", "thread_id"] as const;
const SESSION_LINE = /^session id:\s*(\S+)\s*$/i;
const TERMINAL_SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|.)/g;

interface Stream {
  readonly redactor: StreamRedactor;
  readonly decoder: TextDecoder;
  /** The unfinished line; undefined while a line that is too long goes by. */
  line: string | undefined;
}

export class Output {
  readonly #transcript: Transcript;
  readonly #onSession: (sessionId: string) => void;
  readonly #streams: Readonly<Record<OutputName, Stream>>;
  #tail = "";
  #bytes = 0;
  #sessionId: string | undefined;

  constructor(
    transcript: Transcript,
    secrets: readonly string[],
    onSession: (sessionId: string) => void,
  ) {
    this.#transcript = transcript;
    this.#onSession = onSession;
    const stream = (): Stream => ({
      redactor: new StreamRedactor(secrets),
      decoder: new TextDecoder(),
      line: "",
    });
    this.#streams = { stdout: stream(), stderr: stream() };
  }

  /** The id the agent named last. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** Bytes that came from the child. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The end of what was said, both streams together, without terminal sequences. */
  get tail(): string {
    return this.#tail.replaceAll(TERMINAL_SEQUENCE, "");
  }

  take(piece: Uint8Array, from: OutputName): Promise<void> {
    this.#bytes += piece.length;
    const stream = this.#streams[from];
    return this.#show(stream, stream.redactor.push(piece));
  }

  /** No more will come. */
  async end(): Promise<void> {
    for (const stream of Object.values(this.#streams)) {
      await this.#show(stream, stream.redactor.end());
      this.#scan(stream, "\n");
    }
  }

  async #show(stream: Stream, bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    const text = stream.decoder.decode(bytes, { stream: true });
    this.#tail = (this.#tail + text).slice(-TAIL_CHARS_MAX);
    this.#scan(stream, text);
    await this.#transcript.write(bytes);
  }

  #scan(stream: Stream, text: string): void {
    const lines = text.split("\n");
    for (const [index, part] of lines.entries()) {
      if (stream.line !== undefined) stream.line += part;
      if ((stream.line?.length ?? 0) > LINE_CHARS_MAX) stream.line = undefined;
      if (index === lines.length - 1) return;
      if (stream.line !== undefined) this.#line(stream.line);
      stream.line = "";
    }
  }

  #line(line: string): void {
    const sessionId = sessionIdIn(line);
    if (sessionId === undefined || sessionId === this.#sessionId) return;
    const isFirst = this.#sessionId === undefined;
    this.#sessionId = sessionId;
    if (isFirst) this.#onSession(sessionId);
  }
}

/** A session id that can be handed on, or undefined. */
export function sessionIdOf(text: string): string | undefined {
  const trimmed = text.trim();
  return SESSION_ID.test(trimmed) ? trimmed : undefined;
}

/** The session id that one line of output names. */
export function sessionIdIn(line: string): string | undefined {
  const text = line.trim();
  if (!text.startsWith("{")) return sessionIdOf(SESSION_LINE.exec(text)?.[1] ?? "");
  if (!SESSION_KEYS.some((key) => text.includes(key))) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  for (const key of SESSION_KEYS) {
    const named = value[key];
    if (typeof named === "string") return sessionIdOf(named);
  }
  return undefined;
}

/** The last lines of a text, bounded, for a message. */
export function lastLines(text: string): string {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== "");
  return lines.slice(-LAST_LINES_MAX).join("\n").slice(-LAST_CHARS_MAX);
}
