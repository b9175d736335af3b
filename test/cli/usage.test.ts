import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { cli } from "./terminal-record.ts";

function temporary(): string {
  const root = mkdtempSync(join(tmpdir(), "keelson-usage-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** A port on which nobody listens: it is reserved. */
const NOBODY = ["--addr", "127.0.0.1:1"];

describe("the command line", () => {
  test("help names every verb and every exit code", async () => {
    const { code, out } = await cli(["--help"]);
    expect(code).toBe(0);
    const verbs =
      "up status ready submit cancel jobs job events worker token rebuild verify repair migrate conform doctor";
    for (const verb of verbs.split(" ")) expect(out).toMatch(new RegExp(`^  ${verb}\\b`, "m"));
    for (const exit of [0, 1, 2, 3, 4, 5, 130])
      expect(out).toMatch(new RegExp(`^ +${exit}  `, "m"));
  });

  test("help of a verb has examples that can be copied", async () => {
    const { code, out } = await cli(["submit", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("Examples:\n  keelson submit openclaw.snapshot --wait\n");
  });

  test.each([
    [["stat"], "unknown command 'stat'"],
    [["job"], "missing required argument 'id'"],
    [["status", "extra"], "too many arguments"],
    [["jobs", "--status", "queued,done"], "no such status: done"],
    [["jobs", "--limit", "many"], "--limit must be a number"],
    [["submit", "rpi.run", "--payload", "{bad"], "the payload is not JSON"],
    [["submit", "rpi.run", "--payload", "[1]"], "must be a JSON object"],
    [["submit", "rpi.run", "--payload", "@/nowhere/x.json"], "cannot read the payload"],
    [["worker", "--type", "rpi.run"], "no command to run"],
    [["status", "--url", "nonsense"], "not a daemon address"],
  ])("%j is a usage error that says why", async (args, message) => {
    const { code, err } = await cli(args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test("global options may stand before and after the verb", async () => {
    const before = await cli(["--json", ...NOBODY, "status"]);
    const after = await cli(["status", ...NOBODY, "--json"]);
    expect(before).toEqual(after);
    expect(JSON.parse(after.err)).toMatchObject({ code: "unreachable", exit: 3 });
  });
});

describe("without a daemon", () => {
  test.each([["status"], ["ready"], ["jobs"], ["events"], ["submit", "rpi.run"], ["cancel", "x"]])(
    "%s says that nobody answers, and what to type",
    async (...args) => {
      const { code, err, out } = await cli([...args, ...NOBODY]);
      expect(code).toBe(3);
      expect(out).toBe("");
      expect(err).toContain("no daemon answers at http://127.0.0.1:1");
      expect(err).toContain("keelson up");
    },
  );

  test("an activation file of a daemon that died is named as such", async () => {
    const root = temporary();
    mkdirSync(join(root, ".agents/daemon"), { recursive: true });
    const activation = { url: "http://127.0.0.1:1", pid: 999_999_999, started_at: "then" };
    writeFileSync(join(root, ".agents/daemon/activation.json"), JSON.stringify(activation));
    const { code, err } = await cli(["ready", "--root", root]);
    expect(code).toBe(3);
    expect(err).toContain("that daemon has gone");
    const doctor = await cli(["doctor", "--root", root]);
    expect(doctor.out).toMatch(/warn +owner +process 999999999, started then, has gone/);
  });

  test("a root that is named is never answered for by the daemon of another one", async () => {
    const root = temporary();
    const { code, err } = await cli(["status", "--root", root]);
    expect(code).toBe(3);
    expect(err).toContain(`no daemon runs in ${root}`);
    expect(err).toContain(`keelson up --root ${root}`);
  });

  test("verify in a folder without a ledger says so", async () => {
    const { code, err } = await cli(["verify", "--root", temporary()]);
    expect(code).toBe(1);
    expect(err).toContain("there is no ledger in");
  });
});

describe("the token", () => {
  function withToken(content: string): { root: string; path: string } {
    const root = temporary();
    const dir = join(root, ".agents/daemon");
    mkdirSync(dir, { recursive: true });
    const path = join(dir, "token");
    writeFileSync(path, content, { mode: 0o600 });
    return { root, path };
  }

  test("only its path is printed unless the secret is asked for", async () => {
    const { root, path } = withToken("very-secret\n");
    const plain = await cli(["token", "--root", root]);
    expect(plain).toEqual({ code: 0, out: `${path}\n`, err: "" });
    const json = await cli(["token", "--root", root, "--json"]);
    expect(json.out).not.toContain("very-secret");
    expect((await cli(["token", "--root", root, "--show"])).out).toBe("very-secret\n");
  });

  test("rotating writes another one that only its owner can read", async () => {
    const { root } = withToken("old\n");
    const rotated = await cli(["token", "--root", root, "--rotate"]);
    expect(rotated.err).toContain("restart the daemon");
    const { out } = await cli(["token", "--root", root, "--show"]);
    expect(out).toMatch(/^[\w-]{43}\n$/);
    expect((await cli(["doctor", "--root", root])).out).toMatch(/ok +token/);
  });

  test("a list of tokens is not rotated, and its most capable one is shown", async () => {
    const { root } = withToken(
      JSON.stringify({
        tokens: [
          { token: "few", capabilities: ["submit_job"] },
          { token: "all", capabilities: ["admin"] },
        ],
      }),
    );
    expect((await cli(["token", "--root", root, "--show"])).out).toBe("all\n");
    expect((await cli(["token", "--root", root, "--rotate"])).code).toBe(2);
  });

  test("doctor finds a token that others can read", async () => {
    const { root, path } = withToken("secret");
    chmodSync(path, 0o644);
    const { code, out } = await cli(["doctor", "--root", root]);
    expect(code).toBe(1);
    expect(out).toContain(`chmod 600 ${path}`);
  });
});

describe("doctor", () => {
  test("finds a configured command that is not there", async () => {
    const root = temporary();
    const jobs = {
      "rpi.run": { command: ["no-such-agent-here"] },
      "wiki.forge": { command: ["cat"] },
    };
    writeFileSync(join(root, "keelson.json"), JSON.stringify({ jobs }));
    const { code, out } = await cli(["doctor", "--root", root], { env: { PATH: "/usr/bin:/bin" } });
    expect(code).toBe(1);
    expect(out).toMatch(/bad +command +rpi\.run: no-such-agent-here is not on PATH/);
    expect(out).toMatch(/ok +command +wiki\.forge: \/(usr\/)?bin\/cat/);
  });

  test("shows every mistake of a configuration", async () => {
    const root = temporary();
    writeFileSync(join(root, "keelson.json"), JSON.stringify({ jobs: { "rpi.run": {} } }));
    const { code, out } = await cli(["doctor", "--root", root]);
    expect(code).toBe(1);
    expect(out).toMatch(/bad +config/);
  });
});
