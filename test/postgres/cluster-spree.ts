/**
 * Clients and workers on three daemons with one database, while daemons are killed, the database is
 * restarted or crashes, and connections break. Each client repeats what got no answer, at whichever
 * daemon it meets next. At the end the ledger is held against the laws and against what was told.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Laws } from "../simulation/ledger-laws.ts";
import {
  type Answer,
  DaemonProcess,
  eventually,
  removeRoot,
  temporaryRoot,
} from "../support/daemon-process.ts";
import { type OwnServer, ownServer } from "../support/postgres.ts";
import { Seeded } from "../support/seeded.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const SUBMITTERS = 8;
const WORKERS = 4;
const TYPES = ["rpi.run", "dream.run", "wiki.build"];
/** How wrong the wall clocks of the daemons are. */
const SKEWS_MS = [60_000, -60_000, 0];
const ACCIDENTS = ["kill", "kill", "cut", "cut", "fuse", "restart", "crash"] as const;

export interface ClusterSpree {
  readonly seed: number;
  readonly accidents: number;
}

export interface ClusterSpreeReport {
  readonly accidents: Readonly<Record<string, number>>;
  readonly submitted: number;
  readonly completed: number;
  readonly events: number;
  readonly refused: number;
}

interface Submit {
  readonly job_type: string;
  readonly job_id?: string;
  readonly idempotency_key?: string;
  readonly payload: object;
}

export async function clusterSpree(spree: ClusterSpree): Promise<ClusterSpreeReport> {
  const server = await ownServer();
  const run = new Run(server, spree);
  try {
    return await run.all();
  } finally {
    await run.end();
    await server.close();
  }
}

/** A place for one daemon after the other, with its own root and its own way to the database. */
class Place {
  readonly root: string = temporaryRoot();
  readonly proxy: TcpProxy;
  readonly #store: string;
  #daemon: DaemonProcess | undefined;

  constructor(proxy: TcpProxy, store: URL, skewMs: number) {
    this.proxy = proxy;
    const url = new URL(store);
    url.port = String(proxy.port);
    this.#store = url.href;
    writeFileSync(join(this.root, "clock"), String(skewMs));
  }

  get daemon(): DaemonProcess | undefined {
    return this.#daemon;
  }

  /** Starts a daemon here; one that finds no database is started again, as an operator would. */
  async start(): Promise<void> {
    for (;;) {
      const env = { KEELSON_STORE: this.#store, FAULTS_DIR: this.root };
      const daemon = new DaemonProcess(this.root, env);
      try {
        await daemon.start();
        this.#daemon = daemon;
        return;
      } catch (error) {
        await daemon.kill();
        if (!String(error).includes("database")) throw error;
      }
    }
  }

  async kill(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    const ended = await daemon?.kill();
    if (ended !== undefined && ended.signal !== "SIGKILL") {
      throw new Error(`a daemon ended by itself: ${ended.stderr}`);
    }
  }

  async close(): Promise<void> {
    await this.#daemon?.kill();
    await this.proxy.close();
    removeRoot(this.root);
  }
}

class Run {
  readonly #server: OwnServer;
  readonly #spree: ClusterSpree;
  readonly #random: Seeded;
  readonly #places: Place[] = [];
  readonly #submitted: Set<string> = new Set();
  readonly #completed: Set<string> = new Set();
  readonly #accidents: Record<string, number> = {};
  #number = 0;
  #refused = 0;
  #stopping = false;

  constructor(server: OwnServer, spree: ClusterSpree) {
    this.#server = server;
    this.#spree = spree;
    this.#random = new Seeded(spree.seed, "cluster");
  }

  async all(): Promise<ClusterSpreeReport> {
    const database = await this.#server.freshDatabase();
    for (const skewMs of SKEWS_MS) {
      const proxy = await TcpProxy.open(this.#server.port);
      this.#places.push(new Place(proxy, new URL(database.url), skewMs));
    }
    await Promise.all(this.#places.map((place) => place.start()));
    const clients = [
      ...Array.from({ length: SUBMITTERS }, (_, client) => this.#submit(client)),
      ...Array.from({ length: WORKERS }, () => this.#work()),
    ];
    const failed = Promise.all(clients).then(() => undefined);
    await Promise.race([failed, this.#accidentsHappen()]);
    this.#stopping = true;
    await failed;
    const events = await this.#lastLook();
    return {
      accidents: this.#accidents,
      submitted: this.#submitted.size,
      completed: this.#completed.size,
      events,
      refused: this.#refused,
    };
  }

  async end(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#places.map((place) => place.close()));
  }

  async #accidentsHappen(): Promise<void> {
    for (let count = 0; count < this.#spree.accidents; count += 1) {
      await pause(this.#random.between(20, 400));
      const accident = this.#random.pick(ACCIDENTS);
      this.#accidents[accident] = (this.#accidents[accident] ?? 0) + 1;
      await this.#happen(accident);
      // In between, some work must get through, or nothing is proved.
      const enough = this.#submitted.size + this.#random.between(5, 40);
      await eventually(async () => (this.#submitted.size >= enough ? true : undefined), 60_000);
    }
  }

  async #happen(accident: (typeof ACCIDENTS)[number]): Promise<void> {
    const place = this.#random.pick(this.#places);
    switch (accident) {
      case "kill":
        await place.kill();
        return place.start();
      case "cut":
        place.proxy.cut(this.#random.chance(0.5) ? "reset" : "end");
        return;
      case "fuse": {
        const bound = this.#random.chance(0.5) ? "to-server" : "to-client";
        return place.proxy.cutAfter(bound, this.#random.between(1, 5_000));
      }
      case "restart":
        return this.#server.restart("fast");
      case "crash":
        return this.#server.restart("immediate");
    }
  }

  async #submit(client: number): Promise<void> {
    while (!this.#stopping) {
      const submit = this.#newSubmit(client);
      const { body } = await this.#until("/v1/jobs", submit, (answer) => answer.status === 202);
      const id = String(body.job_id);
      if (submit.job_id !== undefined && submit.job_id !== id) {
        throw new Error(`${submit.job_id} was answered with ${id}`);
      }
      this.#submitted.add(id);
    }
  }

  #newSubmit(client: number): Submit {
    this.#number += 1;
    const name = `${client}-${this.#number}`;
    const payload = { note: "x".repeat(this.#random.int(600)) };
    const job_type = this.#random.pick(TYPES);
    return this.#random.chance(0.6)
      ? { job_type, job_id: `job-${name}`, payload }
      : { job_type, idempotency_key: `key-${name}`, payload };
  }

  async #work(): Promise<void> {
    const claim = { types: TYPES, max: 4, wait_ms: 500, lease_ms: 1_000 };
    while (!this.#stopping) {
      const claimed = await this.#ask("/v1/jobs/claim", claim);
      if (claimed?.status !== 200) continue;
      for (const { job_id: id, claim_token, lease_epoch } of claimed.body.jobs) {
        const held = { claim_token, lease_epoch };
        // An unanswered completion is repeated; 409 then says that it, or the lapse, came first.
        const { status } = await this.#until(
          `/v1/jobs/${id}/complete`,
          held,
          (answer) => answer.status === 200 || answer.status === 409,
        );
        if (status === 200) this.#completed.add(String(id));
      }
    }
  }

  async #until(path: string, body: unknown, isDone: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const answer = await this.#ask(path, body);
      if (answer !== undefined && isDone(answer)) return answer;
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      await pause(20);
    }
  }

  /** At any daemon that is up; undefined when it died before it answered. */
  async #ask(path: string, body: unknown): Promise<Answer | undefined> {
    const up = this.#places.flatMap(({ daemon }) => daemon ?? []);
    if (up.length === 0) return undefined;
    const answer = await this.#random
      .pick(up)
      .ask("POST", path, body)
      .catch(() => undefined);
    if (answer?.status === 503) this.#refused += 1;
    return answer;
  }

  /** The whole ledger through every daemon, held against the laws and what was told. */
  async #lastLook(): Promise<number> {
    let first: string | undefined;
    let events = 0;
    for (const { daemon } of this.#places) {
      if (daemon === undefined) throw new Error("a daemon is missing");
      const read = await eventually(async () => {
        const answer = await daemon.ask("GET", "/v1/events");
        return answer.status === 200 ? answer : undefined;
      });
      const lines = (read.body.events as object[]).map((event) => JSON.stringify(event));
      const verified = await daemon.ask("POST", "/v1/verify");
      if (verified.body.ok !== true) throw new Error(JSON.stringify(verified.body));
      events = lines.length;
      first ??= this.#judged(lines);
      if (lines.slice(0, 50).join("\n") !== first) throw new Error("two daemons tell two ledgers");
    }
    return events;
  }

  #judged(lines: readonly string[]): string {
    const laws = new Laws();
    for (const line of lines) laws.take(line);
    const { accepted, ended } = laws.facts;
    for (const id of this.#submitted) {
      if (accepted.get(id) !== 1) throw new Error(`${id} was acknowledged and is not there`);
    }
    for (const id of this.#completed) {
      if (!ended.has(id)) throw new Error(`${id} was told to be complete and is not`);
    }
    return lines.slice(0, 50).join("\n");
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
