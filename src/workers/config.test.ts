import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isFault } from "../errors/fault.ts";
import { isJsonObject, type JsonObject } from "../lib/json.ts";
import { loadConfig, parseConfig } from "./config.ts";
import { CONFIG_SCHEMA } from "./config-schema.ts";

const dir = mkdtempSync(join(tmpdir(), "keelson-config-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function complaintsOf(text: string): readonly string[] {
  try {
    parseConfig(text, "keelson.json");
  } catch (error) {
    if (!isFault(error)) throw error;
    expect(error.code).toBe("config_invalid");
    return error.message.split("\n");
  }
  throw new Error("the text was accepted");
}

describe("a configuration that can be used", () => {
  it("is all defaults when the file is missing or empty of keys", () => {
    const defaults = { jobs: {}, lease_s: 60, heartbeat_s: 15, max_attempts: 3 };
    expect(loadConfig(join(dir, "none.json"))).toEqual(defaults);
    expect(parseConfig("{}", "keelson.json")).toEqual(defaults);
  });

  it("takes comments and trailing commas, and fills in each job's defaults", () => {
    const path = join(dir, "keelson.json");
    writeFileSync(
      path,
      `\uFEFF{
        // who runs what
        "jobs": { "rpi.run": { "command": ["claude", "-p"], "env": { "pass": ["ANTHROPIC_*"] }, } },
      }`,
    );
    expect(loadConfig(path).jobs["rpi.run"]).toEqual({
      command: ["claude", "-p"],
      concurrency: 1,
      grace_s: 10,
      cwd: ".",
      worktree: false,
      transcript_max_bytes: 8_388_608,
      require_output: false,
      retry_on: ["signal"],
      env: { pass: ["ANTHROPIC_*"], set: {} },
    });
  });

  it("gives every load defaults of its own", () => {
    const one = parseConfig('{"jobs":{"rpi.run":{"command":["a"]}}}', "keelson.json");
    const two = parseConfig('{"jobs":{"rpi.run":{"command":["a"]}}}', "keelson.json");
    expect(one.jobs["rpi.run"]?.retry_on).not.toBe(two.jobs["rpi.run"]?.retry_on);
  });
});

describe("a complaint names file, line, column, field and fix", () => {
  const job = (body: string): string => `{\n  "jobs": {\n    "rpi.run": { ${body} }\n  }\n}`;

  const cases: readonly (readonly [text: string, complaint: string])[] = [
    [
      '{\n  "jobs": {\n    "rpi.run": {\n      "command": []\n    }\n  }\n}',
      'keelson.json:4:7 jobs."rpi.run".command: must be a non-empty array of strings',
    ],
    [
      job('"command": ["a", 3]'),
      'keelson.json:3:35 jobs."rpi.run".command[1]: must be a non-empty string',
    ],
    [
      job('"comand": ["a"], "command": ["a"]'),
      'keelson.json:3:18 jobs."rpi.run".comand: is not a known key; did you mean "command"?',
    ],
    [job('"cwd": "x"'), 'keelson.json:3:5 jobs."rpi.run".command: is missing'],
    [
      job('"command": ["a"], "cwd": "../up"'),
      'keelson.json:3:36 jobs."rpi.run".cwd: must be a relative directory inside the root',
    ],
    [
      job('"command": ["a"], "retry_on": ["crash"]'),
      'keelson.json:3:49 jobs."rpi.run".retry_on[0]: must be one of "signal", "timeout", "exit"',
    ],
    [
      job('"command": ["a"], "prompt": "do {gaol}"'),
      'keelson.json:3:36 jobs."rpi.run".prompt: names the placeholder {gaol}, which does not exist; ' +
        "did you mean {goal}?",
    ],
    [
      job('"command": ["a"], "env": {"pass": ["KEELSON_TOKEN"]}'),
      'keelson.json:3:53 jobs."rpi.run".env.pass[0]: is a name of the daemon\'s own; ' +
        "it is never handed to a child",
    ],
    [
      '{"jobs": {"rpi.runn": {"command": ["a"]}}}',
      'keelson.json:1:11 jobs."rpi.runn": is not a job type; did you mean "rpi.run"?',
    ],
    [
      '{"jobs": {"openclaw.snapshot": {"command": ["a"]}}}',
      'keelson.json:1:11 jobs."openclaw.snapshot": runs inside the daemon; remove it',
    ],
    [
      '{"lease_s": 10,\n "heartbeat_s": 6}',
      "keelson.json:2:2 heartbeat_s: must be at most half of lease_s (10)",
    ],
    [
      '{"lease_s": 10, "lease_s": 9}',
      "keelson.json:1:17 lease_s: is written twice; keep one of them",
    ],
    ['{"lease_s": "10"}', "keelson.json:1:2 lease_s: must be a number of seconds from 1 to 3600"],
    ["[]", "keelson.json:1:1 the file: must be an object"],
    ['{"lease_s": 10', "keelson.json:1:15 the file: is not JSON here: close brace expected"],
  ];

  it.each(cases.map(([text, complaint]) => ({ text, complaint })))("$complaint", (each) => {
    expect(complaintsOf(each.text)).toContain(each.complaint);
  });

  it("lists all problems in the order of the file", () => {
    const complaints = complaintsOf('{\n"max_attempts": 0,\n"colour": 1,\n"jobs": []\n}');
    expect(complaints.map((line) => line.split(" ")[0])).toEqual([
      "keelson.json:2:1",
      "keelson.json:3:1",
      "keelson.json:4:1",
    ]);
  });

  it("says that a file is empty or not text", () => {
    expect(complaintsOf("")[0]).toMatch(/^keelson.json:1:1 the file: is /);
    const path = join(dir, "binary.json");
    writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d]));
    expect(() => loadConfig(path)).toThrow("is not UTF-8 text");
  });
});

it("describes every key of every object", () => {
  const bare: string[] = [];
  const visit = (schema: JsonObject, name: string): void => {
    const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
    for (const [key, child] of Object.entries(properties)) {
      if (!isJsonObject(child)) continue;
      // The job types are data; what one holds is described.
      if (name !== ".jobs" && child["description"] === undefined) bare.push(`${name}.${key}`);
      visit(child, `${name}.${key}`);
    }
  };
  visit(CONFIG_SCHEMA, "");
  expect(bare).toEqual([]);
});
