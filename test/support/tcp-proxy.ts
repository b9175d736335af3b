/**
 * A TCP proxy on loopback with which tests break connections at moments of their choosing. It passes
 * bytes on in both directions until it is told otherwise.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";

/** Where bytes are going. */
export type Bound = "to-server" | "to-client";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** A cut that waits for its byte, counted on each connection by itself. */
interface Fuse {
  readonly bound: Bound;
  readonly bytes: number;
  readonly passed: Map<Pair, number>;
  readonly burnt: () => void;
}

export class TcpProxy {
  /** Where clients connect, on 127.0.0.1. It stays the same, also across `refuse`. */
  readonly port: number;
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #sockets = new Set<Socket>();
  #fuse: Fuse | undefined;
  #delayMs = 0;
  #hole: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  /** In front of a port on 127.0.0.1. */
  static async open(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(await freePort(), target);
    await proxy.#listen();
    return proxy;
  }

  /** How many connections are open at this moment. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Breaks every connection now; new ones are accepted. A reset is the rude way, an end the polite. */
  cut(how: "reset" | "end" = "reset"): void {
    for (const socket of this.#sockets) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroySoon();
    }
    this.#pairs.clear();
  }

  /**
   * Breaks the first connection on which so many more bytes have gone in a direction. The receiver
   * gets exactly these bytes and then the end; the sender gets a reset and no answer. Resolves when
   * it has happened. The other connections stay.
   */
  cutAfter(bound: Bound, bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#fuse = { bound, bytes, passed: new Map(), burnt: resolve };
    });
  }

  /** From now on nothing arrives, and nobody hears of it: connections hang, new ones as well. */
  blackHole(): void {
    if (this.#hole !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hole = { opened: promise, open: resolve };
  }

  /** Every piece of data arrives so much later. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Breaks every connection and refuses new ones, as a machine does where nothing listens. */
  async refuse(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  /** Ends all of the above. What a black hole has swallowed arrives after all, as packets do. */
  async restore(): Promise<void> {
    this.#fuse = undefined;
    this.#delayMs = 0;
    this.#hole?.open();
    this.#hole = undefined;
    if (!this.#server.listening) await this.#listen();
  }

  async close(): Promise<void> {
    await this.refuse();
    this.#hole?.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  #accept(near: Socket): void {
    const far = connect({
      port: this.#target,
      host: "127.0.0.1",
      noDelay: true,
      allowHalfOpen: true,
    });
    near.setNoDelay(true);
    const pair = { near, far };
    this.#pairs.add(pair);
    // A side that breaks takes the other with it in the same way.
    near.on("error", () => far.resetAndDestroy());
    far.on("error", () => near.resetAndDestroy());
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#pairs.delete(pair);
      });
    }
    void this.#pump(pair, "to-server");
    void this.#pump(pair, "to-client");
  }

  async #pump(pair: Pair, bound: Bound): Promise<void> {
    const [source, sink] = bound === "to-server" ? [pair.near, pair.far] : [pair.far, pair.near];
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false })) {
        if (this.#delayMs > 0) await delay(this.#delayMs);
        while (this.#hole !== undefined) await this.#hole.opened;
        if (this.#burns(pair, bound, chunk as Buffer)) return;
        if (!sink.write(chunk)) await Promise.race([once(sink, "drain"), once(sink, "close")]);
      }
      sink.end();
    } catch {
      sink.resetAndDestroy();
    }
  }

  /** Passes the last bytes on and breaks the connection if this piece reaches the fuse's end. */
  #burns(pair: Pair, bound: Bound, chunk: Buffer): boolean {
    const fuse = this.#fuse;
    if (fuse === undefined || fuse.bound !== bound) return false;
    const passed = fuse.passed.get(pair) ?? 0;
    fuse.passed.set(pair, passed + chunk.length);
    if (passed + chunk.length < fuse.bytes) return false;
    this.#fuse = undefined;
    const [sender, receiver] =
      bound === "to-server" ? [pair.near, pair.far] : [pair.far, pair.near];
    sender.resetAndDestroy();
    this.#pairs.delete(pair);
    // What the receiver still answers goes nowhere; leaving it unread would turn the end into a reset.
    receiver.removeAllListeners("error").on("error", () => undefined);
    receiver.end(chunk.subarray(0, fuse.bytes - passed), fuse.burnt);
    receiver.resume();
    return true;
  }
}
