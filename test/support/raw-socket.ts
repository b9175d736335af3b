/** A TCP connection that sends exactly the bytes it is told to, for peers that misbehave. */
import { connect, type Socket } from "node:net";

export interface RawPeer {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** Everything received so far. */
  received(): string;
  /** Waits until the received text satisfies the condition, or throws once the peer has closed. */
  until(condition: (received: string) => boolean): Promise<string>;
  /** Waits until the other side has closed; gives everything received. */
  closed(): Promise<string>;
  end(): void;
}

export async function rawPeer(url: string): Promise<RawPeer> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = "";
  let gone = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of waiting) each();
  };
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    wake();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    gone = true;
    wake();
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  const waitFor = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!done()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    received: () => text,
    async until(condition) {
      await waitFor(() => condition(text) || gone);
      if (!condition(text)) throw new Error(`closed early, after: ${text}`);
      return text;
    },
    async closed() {
      await waitFor(() => gone);
      return text;
    },
    end: () => void socket.destroy(),
  };
}

/** Waits until a condition holds; the test's own time limit ends a wait that never does. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Waits until a number has stopped changing. */
export async function unchanging(read: () => number): Promise<void> {
  for (let last = -1; last !== read(); ) {
    last = read();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
