import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../errors/fault.ts";
import { CAPABILITIES } from "./capability.ts";
import { createPrincipals } from "./principals.ts";
import { ensureTokenFile, loadTokenFile, parseTokenFile } from "./token-file.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "keelson-token-"));
  path = join(dir, "sub", "token");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The message of the start error, after making sure that it is one. */
function startError(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (!isFault(thrown)) throw thrown;
    expect(thrown.code).toBe("token_file_invalid");
    expect(thrown.message).toContain(path);
    return thrown.message;
  }
  throw new Error("no start error");
}

async function startErrorLater(run: Promise<unknown>): Promise<string> {
  const outcome = await run.then(
    () => () => undefined,
    (thrown: unknown) => () => {
      throw thrown;
    },
  );
  return startError(outcome);
}

describe("a token file that is not there", () => {
  it("is made with one random token that only its owner can read", async () => {
    const [token] = await ensureTokenFile(path);
    expect(token).toMatchObject({ name: "legacy", capabilities: CAPABILITIES, localOnly: true });
    expect(token?.secret).toMatch(/^[\w-]{43}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toBe(`${token?.secret}\n`);
    expect(readdirSync(join(dir, "sub"))).toEqual(["token"]);
  });

  it("is made once, also when two start together", async () => {
    const all = await Promise.all([ensureTokenFile(path), ensureTokenFile(path)]);
    const secrets = new Set(all.map(([token]) => token?.secret));
    expect(secrets.size).toBe(1);
    expect((await ensureTokenFile(path))[0]?.secret).toBe([...secrets][0]);
  });

  it("is a start error when it was asked for by name", async () => {
    expect(await startErrorLater(loadTokenFile(path))).toContain("cannot be read");
  });
});

describe("the mode of a token file", () => {
  it.skipIf(process.platform === "win32").each([0o640, 0o604, 0o620, 0o666, 0o610])(
    "may not let anybody else in: %o",
    async (mode) => {
      await ensureTokenFile(path);
      chmodSync(path, mode);
      const message = await startErrorLater(loadTokenFile(path));
      expect(message).toContain(`has mode 0${mode.toString(8)}`);
      expect(message).toContain(`chmod 600 ${path}`);
    },
  );

  it("may be stricter", async () => {
    await ensureTokenFile(path);
    writeFileSync(path, "plain-token");
    chmodSync(path, 0o400);
    expect((await loadTokenFile(path))[0]?.secret).toBe("plain-token");
  });
});

describe("the content of a token file", () => {
  it("is one token when it is plain text", () => {
    expect(parseTokenFile("  a secret \n", path)).toEqual([
      { name: "legacy", secret: "a secret", capabilities: CAPABILITIES, localOnly: true },
    ]);
  });

  it("lists tokens when it is JSON, naming those without a name by their place", () => {
    const tokens = parseTokenFile(
      JSON.stringify({
        tokens: [
          { name: "ci", token: " one ", capabilities: ["submit_job", "cancel_job"] },
          { name: " ", token: "two", capabilities: ["admin"], local_only: true },
        ],
      }),
      path,
    );
    expect(tokens).toEqual([
      { name: "ci", secret: "one", capabilities: ["submit_job", "cancel_job"], localOnly: false },
      { name: "token-2", secret: "two", capabilities: ["admin"], localOnly: true },
    ]);
  });

  const entry = (fields: object): string =>
    JSON.stringify({ tokens: [{ token: "t", capabilities: ["admin"], ...fields }] });
  it.each([
    ["", "is empty"],
    [" \n\t", "is empty"],
    ["{", "not valid JSON"],
    ["{}", "has no tokens"],
    ['{"tokens":[]}', "has no tokens"],
    ['{"tokens":{}}', "has no tokens"],
    ['{"tokens":["x"]}', "tokens[0] is not an object"],
    [entry({ token: " " }), "tokens[0].token is blank"],
    [entry({ token: 5 }), "tokens[0].token is blank"],
    [entry({ token: "a\nb" }), "characters that a header cannot carry"],
    [entry({ capabilities: [] }), "tokens[0].capabilities is empty"],
    [entry({ capabilities: "admin" }), "tokens[0].capabilities is empty"],
    [entry({ capabilities: ["admin", "fly"] }), 'unknown capability "fly"'],
    [entry({ name: 5 }), "tokens[0].name is not text"],
    [entry({ local_only: "yes" }), "tokens[0].local_only is not true or false"],
    ["two\nlines", "characters that a header cannot carry"],
    ["schlüssel", "characters that a header cannot carry"],
  ])("is a start error: %j", (content, message) => {
    expect(startError(() => parseTokenFile(content, path))).toContain(message);
  });

  it("is never quoted in a start error", () => {
    const message = startError(() => parseTokenFile('{"tokens": hunter2}', path));
    expect(message).not.toContain("hunter2");
  });
});

describe("principals", () => {
  const principals = createPrincipals([
    { name: "ci", secret: "one", capabilities: ["submit_job"], localOnly: false },
    { name: "op", secret: "two", capabilities: ["admin"], localOnly: true },
  ]);

  it("are known by their secret and by nothing near it", () => {
    expect(principals.authenticate("one")?.name).toBe("ci");
    expect(principals.authenticate("two")?.name).toBe("op");
    for (const wrong of ["", "on", "onee", "One", "onetwo"]) {
      expect(principals.authenticate(wrong)).toBeUndefined();
    }
  });

  it("may do what they were granted; admin may do everything", () => {
    const may = (secret: string): readonly string[] =>
      CAPABILITIES.filter((capability) => principals.authenticate(secret)?.may(capability));
    expect(may("one")).toEqual(["submit_job"]);
    expect(may("two")).toEqual([...CAPABILITIES]);
  });

  it("give every secret to whoever redacts, and none to whoever asks who they are", () => {
    expect(principals.secrets).toEqual(["one", "two"]);
    expect(JSON.stringify(principals.authenticate("one"))).not.toContain("one");
    expect(createPrincipals([]).configured).toBe(false);
  });
});
