/** What scripts see: no colour, no bars, text or JSON. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { spawnCli, startDaemon, type TestDaemon, temporaryRoot } from "./daemon-process.ts";

let own: ReturnType<typeof temporaryRoot>;
let daemon: TestDaemon;
beforeEach(async () => {
  own = temporaryRoot();
  daemon = await startDaemon(own.root);
});
afterEach(async () => {
  await daemon.stop();
  own.remove();
});

const VERBS = ["status", "ready", "jobs", "doctor", "rebuild", "verify", "repair"];

describe("a verb whose output is piped", () => {
  test("has no colour and no bar, whatever terminal is named", async () => {
    const env = { TERM: "xterm-256color", COLORTERM: "truecolor" };
    const submit = ["submit", "wiki.build"];
    for (const words of [submit, ...VERBS.map((verb) => [verb]), ["--help"], ["up", "--help"]]) {
      const run = spawnCli([...words, "--root", own.root], env);
      await run.ended;
      const text = run.lines.join("\n") + run.err();
      expect(text, words.join(" ")).not.toMatch(/[\u001b\r]/);
    }
  });

  test("speaks JSON when asked, every line of it", async () => {
    for (const verb of VERBS) {
      const run = spawnCli([verb, "--json", "--root", own.root]);
      expect(await run.ended, verb).toBe(0);
      expect(run.err(), verb).toBe("");
      if (verb !== "jobs") expect(run.lines, verb).not.toEqual([]);
      for (const line of run.lines) expect(() => JSON.parse(line) as unknown, verb).not.toThrow();
    }
  });
});
