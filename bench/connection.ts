/**
 * One keep-alive HTTP/1.1 connection that does as little as possible per request: the load generator
 * shares the machine with the server, so what it spends is missing there. Requests are ready-made
 * bytes; answers must carry a content length.
 */
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

const HEAD_END = "\r\n\r\n";
const LENGTH = "content-length: ";
const EMPTY = Buffer.alloc(0);

export class Connection {
  readonly #socket: Socket;
  #pending: ((answer: Answer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  #bytes: Buffer = EMPTY;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error) => this.#failed?.(error));
    socket.on("close", () => this.#failed?.(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  /** Sends one request; the next one may be sent when its answer is there. */
  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const headEnd = bytes.indexOf(HEAD_END);
    const bodyAt = headEnd + HEAD_END.length;
    const length = headEnd === -1 ? Number.NaN : bodyLength(bytes, headEnd);
    if (headEnd === -1 || bytes.length < bodyAt + length) {
      this.#bytes = bytes;
      return;
    }
    this.#bytes = EMPTY;
    const status = Number(bytes.toString("latin1", 9, 12));
    const pending = this.#pending;
    this.#pending = undefined;
    this.#failed = undefined;
    pending?.({ status, body: bytes.subarray(bodyAt, bodyAt + length) });
  }
}

function bodyLength(bytes: Buffer, headEnd: number): number {
  const head = bytes.toString("latin1", 0, headEnd).toLowerCase();
  const at = head.indexOf(LENGTH);
  if (at === -1) throw new Error(`an answer without a content length:\n${head}`);
  return Number.parseInt(head.slice(at + LENGTH.length), 10);
}

/** The bytes of a POST with a JSON body. */
export function postBytes(path: string, token: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:8765\r\nContent-Type: application/json\r\n` +
      `X-AgentOps-Daemon-Token: ${token}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
