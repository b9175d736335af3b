import { describe, expect, it } from "vitest";
import { canaryTraces } from "../../test/support/canary.ts";
import type { Json } from "../lib/json.ts";
import { createRedaction } from "./redaction.ts";
import { isSecretName } from "./shapes.ts";

const CANARY = 'cn"ry/5f+1d é\\wing=🐤&tail';
const plain = "canary-7d31e0a9";

/** Every way a secret has been seen to travel, with something around it. */
function disguises(secret: string): Readonly<Record<string, string>> {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    plain: `a ${secret} b`,
    twice: `${secret}${secret}`,
    json: JSON.stringify({ a: secret }),
    "json in json": JSON.stringify({ a: JSON.stringify({ b: secret }) }),
    "json in json in json": JSON.stringify(JSON.stringify(JSON.stringify([secret]))),
    "json of an encoder that knows ASCII alone": JSON.stringify(secret).replaceAll(
      /[^\0-\x7f]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
    "json with slashes escaped": JSON.stringify(secret).replaceAll("/", "\\/"),
    url: `https://a.test/?q=${encodeURIComponent(secret)}&r=1`,
    "url in url": `https://a.test/?q=${encodeURIComponent(`b?c=${encodeURIComponent(secret)}`)}`,
    "url in lower case": encodeURIComponent(secret).replaceAll(/%../g, (e) => e.toLowerCase()),
    form: new URLSearchParams({ q: secret }).toString(),
    base64: base64(secret),
    "base64 one further": base64(`u${secret}`),
    "base64 two further": base64(`ab${secret}:x`),
    "basic authorization": `Basic ${base64(`user:${secret}`)}`,
    base64url: Buffer.from(`??${secret}`).toString("base64url"),
    hex: Buffer.from(secret).toString("hex"),
    "hex in upper case": Buffer.from(secret).toString("hex").toUpperCase(),
  };
}

describe.each([
  ["with everything encoders change", CANARY],
  ["of letters and digits", plain],
])("a registered secret %s", (_, secret) => {
  const redaction = createRedaction({ secrets: [{ value: secret, id: "openai" }] });
  const planted = disguises(secret);

  it.each(Object.entries(planted))("is found as %s", (_name, text) => {
    expect(canaryTraces(Buffer.from(text), secret)).not.toEqual([]);
    const redacted = redaction.text(text);
    expect(canaryTraces(Buffer.from(redacted), secret)).toEqual([]);
    expect(redacted).toContain("[REDACTED:openai]");
  });

  it("is in no byte of what is written", () => {
    const event: Json = {
      type: "node.completed",
      payload: {
        outputs: planted,
        [secret]: [1, { deep: [[planted["json in json"] ?? ""]] }],
        kept: { number: 1, text: "nothing secret", list: [true, null] },
      },
    };
    const before = Buffer.from(JSON.stringify(event));
    expect(canaryTraces(before, secret)).not.toEqual([]);
    const after = redaction.value(event);
    expect(canaryTraces(Buffer.from(JSON.stringify(after)), secret)).toEqual([]);
    expect(after).toMatchObject({
      type: "node.completed",
      payload: { kept: { number: 1, text: "nothing secret", list: [true, null] } },
    });
  });
});

describe("what is not secret", () => {
  const redaction = createRedaction({ secrets: [{ value: plain }], guess: true });

  it("stays the same object", () => {
    const value: Json = { a: [1, "x", { b: null }], tokens: { input: 3 }, maxTokens: 5 };
    expect(redaction.value(value)).toBe(value);
    expect(redaction.text("nothing")).toBe("nothing");
  });

  it("is unharmed by values that are too short to look for", () => {
    const short = createRedaction({ secrets: [{ value: "1234", id: "pin" }, { value: "" }] });
    expect(short.value({ pin: "1234", at: "12345", none: "" })).toEqual({
      pin: "[REDACTED:pin]",
      at: "12345",
      none: "",
    });
  });

  it("keeps a field that is called like a part of every object", () => {
    const value = JSON.parse(`{"__proto__": "${plain}"}`) as Json;
    const redacted = redaction.value(value);
    expect(Object.entries(redacted as object)).toEqual([["__proto__", "[REDACTED]"]]);
  });
});

describe("what only looks secret", () => {
  const guessing = createRedaction({ guess: true });
  const knowing = createRedaction({ secrets: [] });

  it.each([
    "sk-abcdefghijklmnopqrstuvwx",
    "sk-proj-abcdefghijklmnop1234",
    "sk-ant-api03-abcdefghijklmnop-AA",
    "sk_live_abcdefghijklmnop1234",
    `ghp_${"a1".repeat(18)}`,
    `github_pat_${"a1_".repeat(12)}`,
    "glpat-abcdefghij1234567890",
    "xoxb-123456789012-abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    `AIza${"b".repeat(35)}`,
    `hf_${"c".repeat(24)}`,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlMTIz",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEabc",
  ])("is redacted by its form: %s", (token) => {
    expect(guessing.text(`before ${token} after`)).not.toContain(token.slice(0, 24));
    expect(guessing.text(`before ${token}`)).toBe("before [REDACTED]");
    expect(knowing.text(token)).toBe(token);
  });

  it.each([
    ["Authorization: Bearer abc.def-ghi_jkl=", "Authorization: Bearer [REDACTED]"],
    ["authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic [REDACTED]"],
    ["postgres://user:pa55word@db.test/x", "postgres://[REDACTED]@db.test/x"],
  ])("keeps what leads to it: %s", (text, redacted) => {
    expect(guessing.text(text)).toBe(redacted);
  });

  it.each([
    "bearer of news",
    "sk-1",
    "https://a.test:443/x@y",
    "a basic example of this",
    "task-abcdefghijklmnopqrst",
  ])("leaves %j alone", (text) => expect(guessing.text(text)).toBe(text));

  it.each([
    "password",
    "userPassword",
    "API_KEY",
    "apiKey",
    "x-api-key",
    "X-Auth-Token",
    "accessToken",
    "client_secret",
    "secretAccessKey",
    "privateKey",
    "Authorization",
    "set-cookie",
    "credentials",
    "OPENAI_API_KEY",
    "AWSSecretKey",
  ])("is redacted by the name %s", (name) => {
    expect(isSecretName(name)).toBe(true);
    expect(guessing.value({ a: [{ [name]: "hunter2" }] })).toEqual({
      a: [{ [name]: "[REDACTED]" }],
    });
    expect(knowing.value({ [name]: "hunter2" })).toEqual({ [name]: "hunter2" });
  });

  it.each([
    "tokens",
    "maxTokens",
    "tokenCount",
    "pageToken",
    "nextPageToken",
    "key",
    "secretary",
    "author",
    "cookies_enabled",
    "monkey",
  ])("leaves a field named %s alone", (name) =>
    expect(guessing.value({ [name]: "x" })).toEqual({ [name]: "x" }),
  );

  it("takes a time that grows with the text and not faster", () => {
    const hostile = [
      "sk-".repeat(20_000),
      `sk${"-a".repeat(30_000)}`,
      "-----BEGIN ".repeat(6_000),
      `a://${"b:".repeat(30_000)}`,
      "Bearer ".repeat(9_000),
      "eyJ".repeat(20_000),
      "a+".repeat(30_000),
      "eyJ-".repeat(20_000),
      "-----BEGIN PRIVATE KEY-----".repeat(3_000),
      "xoxb-".repeat(10_000),
    ];
    for (const text of hostile) expect(guessing.text(text).length).toBeLessThanOrEqual(text.length);
  });
});
