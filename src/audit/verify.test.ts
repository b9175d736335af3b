import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { type AuditEntry, type AuditFact, type AuditHead, append, EMPTY_HEAD } from "./chain.ts";
import {
  CHECKPOINT_ENTRIES,
  CHECKPOINT_SECONDS,
  type Checkpoint,
  isCheckpointDue,
  presentPublicKey,
  publicKeyOf,
  signCheckpoint,
  vouchesFor,
} from "./checkpoint.ts";
import { ensureAuditKey } from "./key-file.ts";
import { type AuditVerdict, AuditVerifier, type VerifierOptions } from "./verify.ts";

const SCHEMA = new URL(
  "../../../shared/openwop/schemas/audit-verify-result.schema.json",
  import.meta.url,
);
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519").privateKey;

interface Log {
  readonly entries: readonly AuditEntry[];
  readonly checkpoints: readonly Checkpoint[];
  readonly heads: readonly AuditHead[];
}

function fact(i: number): AuditFact {
  return {
    at: `2026-01-01T00:00:${String(i % 60).padStart(2, "0")}.000Z`,
    tenant: "local",
    principal: `key-${i % 3}`,
    action: "runs.create",
    resource: `run:${i}`,
    outcome: i % 5 === 0 ? "denied" : "allowed",
    details: { attempt: i, note: undefined },
  };
}

/** A log of `size` entries with a checkpoint after every third. */
function logOf(size: number): Log {
  const entries: AuditEntry[] = [];
  const checkpoints: Checkpoint[] = [];
  const heads: AuditHead[] = [EMPTY_HEAD];
  let head = EMPTY_HEAD;
  for (let i = 0; i < size; i += 1) {
    const next = append(head, fact(i));
    head = next.head;
    heads.push(head);
    entries.push(next.entry);
    if (i % 3 === 2) checkpoints.push(signCheckpoint(head, `cp-${i}`, privateKey));
  }
  return { entries, checkpoints, heads };
}

function verdict(
  entries: readonly unknown[],
  checkpoints: readonly Checkpoint[],
  options: Partial<VerifierOptions> = {},
): AuditVerdict {
  const toSeq = entries.length - 1;
  const verifier = new AuditVerifier({
    fromSeq: 0,
    toSeq,
    head: EMPTY_HEAD,
    checkpoints,
    publicKey,
    ...options,
  });
  // As it comes back from a store.
  for (const entry of entries) verifier.take(JSON.parse(JSON.stringify(entry)));
  return verifier.result();
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}

describe("a log that nobody touched", () => {
  it("holds as a whole, from 0 and with null before it", () => {
    const { entries, checkpoints } = logOf(10);
    expect(entries.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(at(entries, 0).prevHash).toBeNull();
    expect(verdict(entries, checkpoints)).toEqual({
      fromSeq: 0,
      toSeq: 9,
      chainValid: true,
      checkpointsValid: true,
      checkpoints,
      anomalies: [],
    });
  });

  it("holds in a stretch, from the beginning or from a head that a checkpoint vouches for", () => {
    const { entries, checkpoints, heads } = logOf(10);
    const stretch = verdict(entries, checkpoints, { fromSeq: 4, toSeq: 7 });
    expect(stretch).toMatchObject({ chainValid: true, anomalies: [] });
    expect(stretch.checkpoints.map(({ atSequence }) => atSequence)).toEqual([5]);
    const head = at(heads, 3);
    expect(vouchesFor(at(checkpoints, 0), head, publicKey)).toBe(true);
    const later = verdict(entries.slice(3), checkpoints, { fromSeq: 4, toSeq: 9, head });
    expect(later).toMatchObject({ chainValid: true, anomalies: [] });
  });

  it("holds when it is empty", () => {
    expect(verdict([], [], { toSeq: -1 })).toMatchObject({ chainValid: true, checkpoints: [] });
  });
});

describe("a log that somebody touched", () => {
  const { entries, checkpoints } = logOf(12);
  const changed = (index: number, fields: object): readonly unknown[] =>
    entries.map((entry, i) => (i === index ? { ...entry, ...fields } : entry));

  it.each<[string, readonly unknown[], number]>([
    ["an entry changed", changed(4, { principal: "nobody" }), 5],
    ["a detail changed", changed(4, { details: { attempt: 5 } }), 5],
    ["a detail added", changed(4, { details: { attempt: 4, extra: null } }), 5],
    ["an entry dropped", entries.toSpliced(4, 1), 4],
    ["the first entry dropped", entries.slice(1), 0],
    ["an entry repeated", entries.toSpliced(4, 0, at(entries, 4)), 5],
    ["two entries swapped", entries.toSpliced(4, 2, at(entries, 5), at(entries, 4)), 4],
    ["a link changed", changed(4, { prevHash: "0".repeat(64) }), 4],
    ["a link removed", changed(4, { prevHash: undefined }), 4],
    ["a link begun anew", changed(4, { prevHash: null }), 4],
    ["a number changed", changed(4, { sequence: 5 }), 4],
    ["an entry that is no object", entries.toSpliced(4, 1, "x" as never), 4],
  ])("says where it breaks first: %s", (_, touched, first) => {
    const { chainValid, checkpointsValid, anomalies } = verdict(touched, checkpoints, {
      toSeq: 11,
    });
    expect({ chainValid, checkpointsValid }).toEqual({
      chainValid: false,
      checkpointsValid: false,
    });
    expect(at(anomalies, 0).atSeq).toBe(first);
  });

  it("is a single break when a single entry was changed", () => {
    const { anomalies } = verdict(changed(4, { action: "x" }), checkpoints);
    expect(anomalies).toEqual([
      {
        atSeq: 5,
        expectedPrevHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        actualPrevHash: at(entries, 5).prevHash,
      },
    ]);
  });

  it("does not hide a cut-off end", () => {
    const cut = verdict(entries.slice(0, 8), checkpoints, { toSeq: 11 });
    expect(cut).toMatchObject({ chainValid: false, checkpointsValid: false });
    expect(at(cut.anomalies, 0)).toMatchObject({ atSeq: 8, actualPrevHash: "" });
  });

  it("is found out by a checkpoint when the whole chain was made anew", () => {
    const forged: AuditEntry[] = [];
    let head = EMPTY_HEAD;
    for (let i = 0; i < 12; i += 1) {
      const next = append(head, { ...fact(i), principal: "nobody" });
      ({ head } = next);
      forged.push(next.entry);
    }
    const result = verdict(forged, checkpoints);
    expect(result).toMatchObject({ chainValid: false, checkpointsValid: false, anomalies: [] });
    const resigned = [signCheckpoint(head, "cp-11", stranger)];
    expect(verdict(forged, resigned)).toMatchObject({ chainValid: false, checkpointsValid: false });
  });

  it("is found out by a checkpoint when only its last entry was changed", () => {
    const result = verdict(changed(11, { principal: "nobody" }), checkpoints);
    expect(result).toMatchObject({ chainValid: false, checkpointsValid: false, anomalies: [] });
  });

  it.each<[string, Partial<Checkpoint>]>([
    ["signature", { signature: Buffer.alloc(64).toString("base64") }],
    ["signature of another length", { signature: "AAAA" }],
    ["id", { checkpoint: "cp-x" }],
    ["root", { merkleRoot: "0".repeat(64) }],
    ["place", { atSequence: 4 }],
  ])("takes no checkpoint with a changed %s", (_, fields) => {
    const touched = checkpoints.map((each, i) => (i === 1 ? { ...each, ...fields } : each));
    const result = verdict(entries, touched);
    expect(result).toMatchObject({ chainValid: false, checkpointsValid: false, anomalies: [] });
  });

  it("is always noticed, whatever was done to it", () => {
    const edit = fc.oneof(
      fc.record({ kind: fc.constant("change"), i: fc.nat(11) }),
      fc.record({ kind: fc.constant("drop"), i: fc.nat(11) }),
      fc.record({ kind: fc.constant("repeat"), i: fc.nat(11) }),
      fc.record({ kind: fc.constant("swap"), i: fc.nat(10) }),
    );
    const touch = (list: readonly AuditEntry[], { kind, i }: { kind: string; i: number }) => {
      const entry = list[i];
      if (entry === undefined) return list;
      if (kind === "drop") return list.toSpliced(i, 1);
      if (kind === "repeat") return list.toSpliced(i, 0, entry);
      if (kind === "swap") return list.toSpliced(i, 2, ...list.slice(i, i + 2).reverse());
      return list.with(i, { ...entry, action: `${entry.action}!` });
    };
    const property = fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const touched = edits.reduce<readonly AuditEntry[]>(touch, entries);
      const isSame = JSON.stringify(touched) === JSON.stringify(entries);
      const toSeq = Math.max(entries.length, touched.length) - 1;
      expect(verdict(touched, checkpoints, { toSeq }).chainValid).toBe(isSame);
    });
    holds(property, { runs: 200 });
  });
});

describe("checkpoints", () => {
  it("are due after so many entries or so long, and never without entries", () => {
    const soon = { entries: CHECKPOINT_ENTRIES - 1, firstAt: 0 };
    expect(isCheckpointDue(soon, CHECKPOINT_SECONDS * 1_000 - 1)).toBe(false);
    expect(isCheckpointDue(soon, CHECKPOINT_SECONDS * 1_000)).toBe(true);
    expect(isCheckpointDue({ entries: CHECKPOINT_ENTRIES, firstAt: 0 }, 0)).toBe(true);
    expect(isCheckpointDue({ entries: 0, firstAt: 0 }, 1e12)).toBe(false);
  });
});

describe.skipIf(!existsSync(SCHEMA))(
  "the answer (skipped where the public schemas are not)",
  () => {
    it("has the public shape, whole and broken", () => {
      const validate = new Ajv2020({ strict: false }).compile(
        JSON.parse(readFileSync(SCHEMA, "utf8")) as object,
      );
      const { entries, checkpoints } = logOf(9);
      const kept = checkpoints.map((each) => ({ ...each, peaks: ["of the store alone"] }));
      for (const list of [entries, entries.toSpliced(0, 1), entries.slice(0, 2)]) {
        const answer = verdict(list, kept, { toSeq: 8 });
        expect(validate(answer), JSON.stringify(validate.errors)).toBe(true);
      }
    });
  },
);

describe("the key file", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keelson-audit-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is made once, for its owner alone, and read ever after", async () => {
    const path = join(folder, "keys", "audit.pem");
    const [first, second] = await Promise.all([ensureAuditKey(path), ensureAuditKey(path)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const pem = presentPublicKey(publicKeyOf(first));
    expect(pem).toContain("BEGIN PUBLIC KEY");
    expect(presentPublicKey(publicKeyOf(second))).toBe(pem);
    expect(presentPublicKey(publicKeyOf(await ensureAuditKey(path)))).toBe(pem);
  });

  it.each([
    ["that others may read", 0o644, "", "chmod 600"],
    ["that is no key", 0o600, "canary", "no private key"],
    [
      "of another kind",
      0o600,
      generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }),
      "x25519",
    ],
  ])("is refused by name: one %s", async (_, mode, text, words) => {
    const path = join(folder, "audit.pem");
    await writeFile(path, text);
    await chmod(path, mode);
    const fault: unknown = await ensureAuditKey(path).catch((error: unknown) => error);
    expect(fault).toMatchObject({
      code: "audit_key_invalid",
      message: expect.stringContaining(words),
    });
    expect(String(fault)).toContain(path);
    expect(String(fault)).not.toContain("canary");
  });
});
