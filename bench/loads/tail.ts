/** Many subscribers of the live tail and one client that submits at a steady pace. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "../connection.ts";
import type { Target } from "../server.ts";
import { type Latency, latencyOf } from "../statistics.ts";
import { submitBytes } from "./submits.ts";

export interface Follow {
  readonly kind: "tail";
  readonly target: Target;
  /** Where the submits go, when that is another server than the subscribers'. */
  readonly through?: Target;
  readonly subscribers: number;
  readonly events: number;
  /** Pause between two submits. */
  readonly everyMs: number;
}

export interface Followed {
  /** From sending a submit to its answer. */
  readonly answer: Latency;
  /** From sending a submit to each subscriber's having the event. */
  readonly receipt: Latency;
}

const RECEIPT_MS_MAX = 10_000;
const PREFIX = '"request_id":"bench-';
const DIGITS = 6;

export async function followTail(load: Follow): Promise<Followed> {
  const sentAt: number[] = [];
  const receipts: number[] = [];
  const { target, through = target, subscribers, events, everyMs } = load;
  const sockets = await Promise.all(
    Array.from({ length: subscribers }, () =>
      subscribe(target, (number) => receipts.push(performance.now() - (sentAt[number] ?? 0))),
    ),
  );
  const submitter = await Connection.open(through.port);
  const answers: number[] = [];
  for (let number = 0; number < events; number += 1) {
    const id = `bench-${String(number).padStart(DIGITS, "0")}`;
    const request = submitBytes(through, { request_id: id });
    sentAt[number] = performance.now();
    await submitter.send(request);
    answers.push(performance.now() - (sentAt[number] ?? 0));
    await sleep(everyMs);
  }
  const giveUpAt = performance.now() + RECEIPT_MS_MAX;
  while (receipts.length < subscribers * events) {
    if (performance.now() > giveUpAt) throw new Error(`only ${receipts.length} frames arrived`);
    await sleep(5);
  }
  for (const socket of sockets) socket.destroy();
  submitter.close();
  return { answer: latencyOf(answers), receipt: latencyOf(receipts) };
}

/** Opens the tail at the head; resolves when the stream is open. */
function subscribe(target: Target, received: (number: number) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: target.port, host: "127.0.0.1" });
    socket.once("error", reject);
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      rest += chunk.toString("latin1");
      if (rest.includes(": open")) resolve(socket);
      let end = 0;
      for (let at = rest.indexOf(PREFIX); at !== -1; at = rest.indexOf(PREFIX, end)) {
        const digitsAt = at + PREFIX.length;
        if (rest.length < digitsAt + DIGITS) break;
        received(Number(rest.slice(digitsAt, digitsAt + DIGITS)));
        end = digitsAt + DIGITS;
      }
      // What is left may hold the first half of the next mark.
      rest = rest.slice(Math.max(end, rest.length - PREFIX.length - DIGITS));
    });
    socket.write(
      "GET /v1/events?since=latest HTTP/1.1\r\nHost: 127.0.0.1:8765\r\n" +
        "Accept: text/event-stream\r\n\r\n",
    );
  });
}
