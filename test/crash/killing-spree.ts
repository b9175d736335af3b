/**
 * Sixteen clients on one daemon that is killed again and again with SIGKILL at random moments, on
 * the same root. A client repeats what got no answer, as a real one would. After each death the
 * ledger is read and held against the laws of every ledger and against what the clients were told.
 */
import { existsSync, watch, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Laws } from "../simulation/ledger-laws.ts";
import {
  type Answer,
  DaemonProcess,
  databaseOf,
  ledgerOf,
  removeRoot,
  temporaryRoot,
} from "../support/daemon-process.ts";
import { unfinishedArchives, wholeLedger } from "../support/ledger-files.ts";
import { Seeded } from "../support/seeded.ts";

const CLIENTS = 16;
const TYPES = ["rpi.run", "dream.run", "wiki.build"];
/** Daemons between two complete verifications. */
const VERIFY_EVERY = 20;

export interface Spree {
  readonly seed: number;
  readonly kills: number;
  /** Clients that claim and complete instead of submitting. */
  readonly workers: number;
  /** The ledger is rotated at this size, and each death comes while that happens. */
  readonly rotateBytes?: number;
}

export interface SpreeReport {
  readonly kills: number;
  readonly acknowledged: number;
  readonly ledgerLines: number;
  readonly tornTails: number;
  /** Deaths that left a rotation unfinished. */
  readonly unfinished: number;
}

interface Submit {
  readonly job_type: string;
  readonly job_id?: string;
  readonly idempotency_key?: string;
  readonly payload: object;
}

export async function killingSpree(spree: Spree): Promise<SpreeReport> {
  const root = temporaryRoot();
  const run = new Run(root, spree);
  try {
    return await run.all();
  } finally {
    await run.end();
    removeRoot(root);
  }
}

class Run {
  readonly #root: string;
  readonly #spree: Spree;
  readonly #random: Seeded;
  readonly #laws: Laws = new Laws();
  readonly #submitted: Set<string> = new Set();
  readonly #keys: Map<string, string> = new Map();
  readonly #completed: Set<string> = new Set();
  /** What each client sent without getting an answer. */
  readonly #unanswered: (Submit | undefined)[] = [];
  #checkedBytes = 0;
  #number = 0;
  #kills = 0;
  #tornTails = 0;
  #unfinished = 0;
  #next: DaemonProcess;

  constructor(root: string, spree: Spree) {
    this.#root = root;
    this.#spree = spree;
    this.#random = new Seeded(spree.seed, "spree");
    const { rotateBytes } = spree;
    if (rotateBytes !== undefined) {
      writeFileSync(join(root, "keelson.json"), JSON.stringify({ rotate_bytes: rotateBytes }));
    }
    this.#next = new DaemonProcess(root);
  }

  async all(): Promise<SpreeReport> {
    while (this.#kills < this.#spree.kills) await this.#oneLife();
    await this.#lastLook();
    return {
      kills: this.#kills,
      acknowledged: this.#submitted.size + this.#completed.size,
      ledgerLines: this.#laws.facts.eventIds.length,
      tornTails: this.#tornTails,
      unfinished: this.#unfinished,
    };
  }

  async end(): Promise<void> {
    await this.#next.kill();
  }

  async #oneLife(): Promise<void> {
    const daemon = this.#next;
    const { opening } = await daemon.start();
    if (opening["tornTail"] !== undefined) this.#tornTails += 1;
    // The next one loads while this one works, so that a death costs little time.
    this.#next = new DaemonProcess(this.#root);
    if (this.#kills > 0) this.#checkLedger();
    if (this.#kills % VERIFY_EVERY === VERIFY_EVERY - 1) await verify(daemon);
    const { promise: first, resolve: acknowledged } = Promise.withResolvers<void>();
    const clients = Array.from({ length: CLIENTS }, (_, i) =>
      i < this.#spree.workers ? this.#work(daemon) : this.#submit(daemon, i, acknowledged),
    );
    await Promise.race([first, ...clients]);
    await Promise.race([this.#momentOfDeath(), daemon.ended]);
    const { signal, stderr } = await daemon.kill();
    if (signal !== "SIGKILL") throw new Error(`the daemon ended by itself: ${stderr}`);
    this.#kills += 1;
    if (unfinishedArchives(this.#root).length > 0) this.#unfinished += 1;
    await Promise.all(clients);
  }

  async #momentOfDeath(): Promise<void> {
    const random = this.#random.between(5, 120);
    if (this.#spree.rotateBytes !== undefined) {
      await nextRotation(this.#root);
      if (random % 4 !== 0) return;
    }
    await new Promise((resolve) => setTimeout(resolve, random));
  }

  /** Submits one job after the other until the daemon dies; starts with what got no answer. */
  async #submit(daemon: DaemonProcess, client: number, acknowledged: () => void): Promise<void> {
    for (;;) {
      const submit = this.#unanswered[client] ?? this.#newSubmit(client);
      this.#unanswered[client] = submit;
      const answer = await answerOf(daemon, "/v1/jobs", submit);
      if (answer === undefined) return;
      if (answer.status !== 202) throw new Error(`submit: ${JSON.stringify(answer)}`);
      this.#unanswered[client] = undefined;
      this.#took(submit, answer.body.job_id);
      acknowledged();
    }
  }

  #newSubmit(client: number): Submit {
    this.#number += 1;
    const name = `${client}-${this.#number}`;
    const payload = { note: "x".repeat(this.#random.int(600)) };
    const job_type = this.#random.pick(TYPES);
    // A submit without any name cannot be repeated safely, so those that are have one.
    return this.#random.chance(0.6)
      ? { job_type, job_id: `job-${name}`, payload }
      : { job_type, idempotency_key: `key-${name}`, payload };
  }

  #took(submit: Submit, jobId: string): void {
    if (submit.job_id !== undefined && submit.job_id !== jobId) {
      throw new Error(`${submit.job_id} was answered with ${jobId}`);
    }
    if (submit.idempotency_key !== undefined) this.#keys.set(submit.idempotency_key, jobId);
    this.#submitted.add(jobId);
  }

  async #work(daemon: DaemonProcess): Promise<void> {
    for (;;) {
      const claim = { types: TYPES, max: 4, wait_ms: 1000, lease_ms: 1000 };
      const claimed = await answerOf(daemon, "/v1/jobs/claim", claim);
      if (claimed === undefined) return;
      for (const job of claimed.body.jobs) {
        const { job_id: id, claim_token, lease_epoch } = job;
        const path = `/v1/jobs/${id}/complete`;
        const done = await answerOf(daemon, path, { claim_token, lease_epoch });
        if (done === undefined) return;
        if (done.status === 200) this.#completed.add(id);
      }
    }
  }

  /** Takes in what the ledger has grown by, and holds all that was told against it. */
  #checkLedger(): void {
    const whole = wholeLedger(this.#root);
    if (whole.length < this.#checkedBytes) throw new Error("the ledger has become shorter");
    for (const line of whole.toString("utf8", this.#checkedBytes).split("\n")) {
      if (line !== "") this.#laws.take(line);
    }
    this.#checkedBytes = whole.length;
    const { accepted, ended } = this.#laws.facts;
    for (const id of this.#submitted) {
      if (accepted.get(id) !== 1)
        throw new Error(`${id} was acknowledged and is not in the ledger`);
    }
    for (const id of this.#completed) {
      if (!ended.has(id)) throw new Error(`${id} was told to be complete and is not in the ledger`);
    }
  }

  /** The whole ledger anew, from disk and over the wire, and a rebuilt database. */
  async #lastLook(): Promise<void> {
    await this.#next.start();
    this.#checkLedger();
    const all = new Laws();
    for (const line of wholeLedger(this.#root).toString("utf8").split("\n")) {
      if (line !== "") all.take(line);
    }
    if (!existsSync(databaseOf(this.#root))) throw new Error("there is no database");
    await verify(this.#next);
    const listed = new Set<string>();
    for (let cursor = ""; ; ) {
      const { body } = await this.#next.ask("GET", `/v1/jobs?limit=1000${cursor}`);
      for (const { job_id: id } of body.jobs) {
        if (listed.has(id)) throw new Error(`${id} is listed twice`);
        listed.add(id);
      }
      if (body.next_cursor === undefined) break;
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
    }
    for (const id of this.#submitted) if (!listed.has(id)) throw new Error(`${id} is not listed`);
    if (listed.size !== all.facts.accepted.size) throw new Error("more jobs than were accepted");
  }
}

async function verify(daemon: DaemonProcess): Promise<void> {
  const { body } = await daemon.ask("POST", "/v1/verify");
  if (body.ok !== true) throw new Error(`the projections differ: ${JSON.stringify(body)}`);
  const ready = await daemon.ask("GET", "/v1/ready");
  if (ready.body.ready !== true) throw new Error(`not ready: ${JSON.stringify(ready.body)}`);
}

/** Resolves when a file of a rotation appears, is packed or goes. */
async function nextRotation(root: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watcher = watch(dirname(ledgerOf(root)), (_event, name) => {
    if (name !== null && /^ledger\..*Z\.jsonl/.test(name)) resolve();
  });
  await promise;
  watcher.close();
}

/** An answer, or undefined when the daemon died first. */
async function answerOf(
  daemon: DaemonProcess,
  path: string,
  body: unknown,
): Promise<Answer | undefined> {
  return daemon.ask("POST", path, body).catch(() => undefined);
}
