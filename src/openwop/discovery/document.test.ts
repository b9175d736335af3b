import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { discoveryDocument, etagOf, type Limits } from "./document.ts";

const SCHEMAS = fileURLToPath(new URL("../../../../shared/openwop/schemas/", import.meta.url));

const LIMITS: Limits = {
  clarificationRounds: 3,
  schemaRounds: 2,
  envelopesPerTurn: 5,
  maxNodeExecutions: 100,
  maxRunDurationMs: 3_600_000,
  maxLoopIterations: 25,
};
const OPTIONS = { version: "0.1.0", engineVersion: 1, limits: LIMITS };
const REPLAY = {
  name: "replay",
  families: () => ({ replay: { supported: true, modes: ["replay", "branch"] } }),
};
const OFF = { name: "webhooks", families: () => ({}) };

describe("the discovery document", () => {
  it("has each family of a wired module at the root and under capabilities", () => {
    const document = discoveryDocument({ ...OPTIONS, modules: [REPLAY, OFF] });
    const replay = { supported: true, modes: ["replay", "branch"] };
    expect(document).toMatchObject({ replay, capabilities: { replay }, limits: LIMITS });
    expect(document).not.toHaveProperty("webhooks");
  });

  it("is never put together from two claims of one family, nor over its own fields", () => {
    const build = (...modules: readonly { name: string; families: () => object }[]) =>
      discoveryDocument({ ...OPTIONS, modules: modules as (typeof REPLAY)[] });
    expect(() => build(REPLAY, { ...REPLAY, name: "fork" })).toThrow("fork may not say replay");
    expect(() => build({ name: "x", families: () => ({ limits: {} }) })).toThrow("limits");
  });

  it("has a tag that follows the content alone", () => {
    const one = discoveryDocument({ ...OPTIONS, modules: [REPLAY] });
    const same = discoveryDocument({ ...OPTIONS, modules: [REPLAY] });
    expect(etagOf(one)).toBe(etagOf(same));
    expect(etagOf(one)).not.toBe(etagOf(discoveryDocument({ ...OPTIONS, modules: [] })));
    expect(etagOf(one)).toMatch(/^"[0-9a-f]{32}"$/);
  });
});

describe.skipIf(!existsSync(SCHEMAS))("its schema (needs ../shared/openwop)", () => {
  it("takes it", () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    for (const name of readdirSync(SCHEMAS).filter((entry) => entry.endsWith(".json"))) {
      ajv.addSchema(JSON.parse(readFileSync(`${SCHEMAS}${name}`, "utf8")), name);
    }
    const validate = ajv.getSchema("capabilities.schema.json");
    const document = discoveryDocument({ ...OPTIONS, modules: [REPLAY] });
    expect(validate?.(document), JSON.stringify(validate?.errors)).toBe(true);
    expect(validate?.({ ...document, protocolVersion: 1 })).toBe(false);
  });
});
