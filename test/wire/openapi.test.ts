import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ENVELOPES } from "../../src/jobspec/errors.ts";
import { openApiDocument } from "../../src/jobspec/openapi.ts";
import { ROUTES } from "../../src/jobspec/routes.ts";
import { differences, type OpenApi, operationCount } from "../support/openapi-shape.ts";
import { checkAnswer } from "../support/response-schema.ts";
import { wireDaemon } from "../support/wire-daemon.ts";

const CONTRACT_PATH = join(import.meta.dirname, "../../../shared/seeds/jobspec-v0.openapi.yaml");
const hasContract = existsSync(CONTRACT_PATH);
const CONTRACT_OPERATIONS = 12;

function generated(): OpenApi {
  return JSON.parse(JSON.stringify(openApiDocument(ROUTES, "0.0.0"))) as OpenApi;
}

/** A JSON document that is walked by path. */
type Loose = ReturnType<typeof JSON.parse>;

const title = hasContract
  ? "the generated document against the contract's"
  : "the generated document against the contract's (skipped: ../shared/seeds is not here)";

describe.skipIf(!hasContract)(title, () => {
  const contract = hasContract
    ? (parse(readFileSync(CONTRACT_PATH, "utf8")) as OpenApi)
    : { paths: {}, components: {} };

  it("has the contract's shape everywhere, and marks whatever it adds", () => {
    expect(operationCount(contract)).toBe(CONTRACT_OPERATIONS);
    expect(differences(contract, generated())).toEqual([]);
  });

  it.each([
    ["a dropped required field", "required", ["components", "schemas", "HealthResponse"]],
    ["a dropped status", "202", ["paths", "/v1/jobs", "post", "responses"]],
    ["a dropped enum", "enum", ["components", "schemas", "JobStatus"]],
    [
      "a dropped const",
      "const",
      ["components", "schemas", "HealthResponse", "properties", "daemon"],
    ],
    [
      "an unmarked field",
      "x-keelson-extension",
      ["components", "schemas", "ErrorResponse", "properties", "code"],
    ],
    ["an unmarked route", "x-keelson-extension", ["paths", "/v1/jobs/claim", "post"]],
  ])("notices %s", (_what, key, path) => {
    const broken = generated();
    const target = path.reduce((at: Loose, step) => at[step], broken as Loose);
    expect(target).toHaveProperty([key]);
    delete target[key];
    expect(differences(contract, broken)).not.toEqual([]);
  });
});

describe("the generated document", () => {
  it("is what the daemon serves", async () => {
    const daemon = await wireDaemon({ version: "0.0.0" });
    try {
      const answer = await daemon.ask("/v1/openapi.json");
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(generated());
    } finally {
      await daemon.close();
    }
  });

  it("names every operation once", () => {
    const ids = ROUTES.map((route) => route.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("lists extra statuses of contract routes as extensions", () => {
    const submit = generated().paths["/v1/jobs"] as Record<string, Record<string, object>>;
    const extra = Object.keys(submit["post"]?.["x-keelson-extension-responses"] ?? {});
    expect(extra).toEqual(["408", "413", "431"]);
  });

  it("gives every error code a status that HTTP knows", () => {
    for (const { status } of Object.values(ENVELOPES)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
    }
  });
});

describe("the check that every wire test makes", () => {
  const health = { method: "GET", path: "/v1/health", contentType: "application/json" };
  it.each([
    ["a body of another shape", { ...health, status: 200, text: '{"status":"ok"}\n' }],
    ["a status that is not documented", { ...health, status: 202, text: "{}\n" }],
    ["another content type", { ...health, status: 200, contentType: "text/plain", text: "ok" }],
    ["no newline at the end", { ...health, status: 405, text: '{"error":"x"}' }],
    ["an error without its text", { ...health, path: "/nope", status: 404, text: "{}\n" }],
    ["a body for HEAD", { ...health, method: "HEAD", status: 200, text: "{}" }],
  ])("notices %s", (_what, answer) => {
    expect(() => checkAnswer(answer)).toThrow();
  });
});
